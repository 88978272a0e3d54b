"""`manage.py backup`: write everything that an empty host needs into one file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.errors import DomainError
from diagnostics.prompt import ask
from webapp.backup.create import create_backup


class Command(BaseCommand):
    help = (
        "Write database, radiographs, heatmaps, bundles, training runs and the secret key into one file, "
        "also while Readroom runs. Whoever reads the file reads the patients' data: use --encrypt."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the target and the options."""
        parser.add_argument("target", type=Path, help="a new file, or a folder for a file named by the time")
        parser.add_argument(
            "--encrypt", action="store_true", help="with a passphrase from the terminal or a pipe"
        )
        parser.add_argument(
            "--with-checkpoints", action="store_true", help="include the checkpoints of training runs"
        )

    def handle(self, *args: Any, target: Path, encrypt: bool, with_checkpoints: bool, **options: Any) -> None:
        """Write the archive and print what it contains."""
        now = timezone.now()
        if target.is_dir():
            target /= f"readroom-{now:%Y%m%dT%H%M%SZ}.backup"
        passphrase = ask("Passphrase: ", twice=True) if encrypt else ""
        try:
            written = create_backup(target, passphrase=passphrase, with_checkpoints=with_checkpoints, now=now)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{target}: {len(written.files)} files, {written.size:,} bytes, "
            f"{sum(written.rows.values())} rows of {len(written.rows)} tables ({written.vendor})."
        )
        for name in written.missing:
            self.stderr.write(f"Missing on the disk, though a row names it: {name}")
