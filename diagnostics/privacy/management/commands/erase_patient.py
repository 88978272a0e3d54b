"""`manage.py erase_patient`: delete everything about one patient of a site."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.accounts.models import Site, User
from diagnostics.errors import DomainError
from diagnostics.privacy.management.arguments import add_site_and_user, site_named, user_named
from diagnostics.privacy.services import erasure
from diagnostics.prompt import ask

CONFIRMATION: Final = "erase"


class Command(BaseCommand):
    help = (
        "Delete everything about one patient of a site: rows, images, heatmaps, readings and their notes, "
        "lines of training snapshots. The patient's reference is read from the terminal or from a pipe."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the reason, the site and the user."""
        parser.add_argument("--reason", required=True, help="for the audit; must not name the patient")
        parser.add_argument("--dry-run", action="store_true", help="only list what would be deleted")
        parser.add_argument("--yes", action="store_true", help="do not ask again; needed in a pipe")
        add_site_and_user(parser)

    def handle(self, *args: Any, by: str, site: str, reason: str, **options: Any) -> None:
        """Ask for the reference, list what would be deleted, ask again, delete."""
        user, patient_ref = user_named(by), ask("Patient reference: ")
        try:
            place = site_named(site)
            self._print(erasure.preview(site=place, patient_ref=patient_ref, by=user))
            if options["dry_run"]:
                self.stdout.write("Dry run: nothing was deleted.")
                return
            if not options["yes"]:
                _confirm()
            self._erase(place, patient_ref, reason, user)
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error

    def _erase(self, site: Site, patient_ref: str, reason: str, by: User) -> None:
        done = erasure.erase_patient(
            site=site, patient_ref=patient_ref, reason=reason, by=by, now=timezone.now()
        )
        self.stdout.write(
            f"Erased: {sum(done.rows.values())} rows. Record {done.pk}.\n"
            f"Keep this digest outside of the backups, for `manage.py erase_again`: {done.patient}"
        )

    def _print(self, extent: erasure.Extent) -> None:
        for model, count in extent.rows.items():
            self.stdout.write(f"{count:8} {model}")
        self.stdout.write(f"{extent.files:8} files")
        self.stdout.write(f"Training runs that used them: {_listed('run', extent.runs)}")
        self.stdout.write(f"Model versions trained on them: {_listed('v', extent.versions)}")
        if extent.unreadable_runs:
            runs = _listed("run", extent.unreadable_runs)
            self.stdout.write(f"May contain them, because their snapshot is missing: {runs}")
        if extent.mentions:
            self.stdout.write(
                f"Notes of other cases that contain the reference, for a reader to check: {extent.mentions}"
            )


def _listed(name: str, numbers: tuple[int, ...]) -> str:
    return ", ".join(f"{name}{number}" for number in numbers) or "none"


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise CommandError("Nothing was deleted: in a pipe, confirm with --yes.")
    if input(f"Type {CONFIRMATION} to delete all of this: ") != CONFIRMATION:
        raise CommandError("Nothing was deleted.")
