"""`manage.py restore`: restore an archive into an empty home and database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from diagnostics.errors import DomainError
from diagnostics.prompt import ask
from webapp.backup import archive
from webapp.backup.restore import restore_backup


class Command(BaseCommand):
    help = "Verify an archive of `manage.py backup` and restore it into an empty home and an empty database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the archive."""
        parser.add_argument("archive", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore, then say what remains to be done."""
        path: Path = options["archive"]
        try:
            passphrase = ask("Passphrase: ") if archive.is_encrypted(path) else ""
            stored = restore_backup(path, passphrase=passphrase)
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Restored the backup of {stored.created_at}: {len(stored.files)} files, "
            f"{sum(stored.rows.values())} rows of {len(stored.rows)} tables; hashes and counts are equal."
        )
        for name in stored.missing:
            self.stderr.write(f"Was missing when the backup was made: {name}")
        self.stdout.write("Now run `manage.py prepare`, then start Readroom.")
