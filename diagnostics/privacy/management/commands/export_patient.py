"""`manage.py export_patient`: write everything about one patient into a ZIP."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.errors import DomainError
from diagnostics.privacy.management.arguments import add_site_and_user, site_named, user_named
from diagnostics.privacy.services import export
from diagnostics.prompt import ask


class Command(BaseCommand):
    help = (
        "Write everything about one patient into a ZIP: rows, images, heatmaps, readings, audit records and "
        "training runs. The patient's reference is read from the terminal or from a pipe."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the file, the site and the user."""
        parser.add_argument("out", type=Path, help="a new file; its name should not name the patient")
        add_site_and_user(parser)

    def handle(self, *args: Any, out: Path, by: str, site: str, **options: Any) -> None:
        """Ask for the reference, then write the file."""
        try:
            written = export.export_patient(
                site=site_named(site),
                patient_ref=ask("Patient reference: "),
                out=out,
                by=user_named(by),
                now=timezone.now(),
            )
        except FileExistsError as error:
            raise CommandError(f"{out} exists already.") from error
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{out}: {written.cases} cases, {written.files} files.")
        for name in written.missing:
            self.stderr.write(f"Missing on the disk: {name}")
