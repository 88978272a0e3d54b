"""`manage.py verify_backup`: read an archive and compare every file with its manifest."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from diagnostics.errors import DomainError
from diagnostics.prompt import ask
from webapp.backup import archive


class Command(BaseCommand):
    help = "Read an archive of `manage.py backup` and compare every file with its manifest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the archive."""
        parser.add_argument("archive", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what the archive contains; fail with the name of the first damaged file."""
        path: Path = options["archive"]
        try:
            passphrase = ask("Passphrase: ") if archive.is_encrypted(path) else ""
            stored = archive.read(path, passphrase=passphrase)
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Intact: {len(stored.files)} files, {stored.size:,} bytes, "
            f"{sum(stored.rows.values())} rows of {len(stored.rows)} tables, of {stored.created_at}."
        )
