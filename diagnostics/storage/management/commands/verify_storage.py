"""`manage.py verify_storage`: compare every stored file with the checksum in its row."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from diagnostics.storage import selectors


class Command(BaseCommand):
    help = "Compare every file that a row names with its checksum; exit with 1 if one is missing or damaged."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the files by kind, then each problem with kind, row and path."""
        result = selectors.verify()
        for kind, count in sorted(result.files.items()):
            unknown = result.without_checksum[kind]
            note = f", {unknown} without a recorded checksum (only their presence was checked)"
            self.stdout.write(f"{kind}: {count} files{note if unknown else ''}")
        for file, problem in result.problems:
            self.stdout.write(f"{problem}: {file.kind} of {file.row}, {selectors.name_in_home(file)}")
        if result.problems:
            raise CommandError(f"{len(result.problems)} files are missing or damaged.", returncode=1)
        self.stdout.write(f"{result.files.total()} files verified: none missing, none damaged.")
