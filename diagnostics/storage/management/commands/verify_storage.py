"""`manage.py verify_storage`: compare every stored file with the checksum in its row."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.cases.services import damage_records, record_checksums
from diagnostics.errors import StorageUnavailable
from diagnostics.storage import selectors
from diagnostics.storage.selectors import Verification


class Command(BaseCommand):
    help = "Compare every file that a row names with its checksum; exit with 1 if one is missing or damaged."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the option for an upgrade."""
        text = "first record the checksums of readable files that an earlier release stored without one"
        parser.add_argument("--record-missing", action="store_true", help=text)

    def handle(self, *args: Any, record_missing: bool, **options: Any) -> None:
        """Print the files by kind, then each problem with kind, row and path."""
        try:
            result = self._verify(record_missing=record_missing)
        except StorageUnavailable as error:
            raise CommandError(str(error)) from error
        for kind, count in sorted(result.files.items()):
            unknown = result.without_checksum[kind]
            note = f", {unknown} without a recorded checksum (only their presence was checked)"
            self.stdout.write(f"{kind}: {count} files{note if unknown else ''}")
        for file, problem in result.problems:
            self.stdout.write(f"{problem}: {file.kind} of {file.row}, {file.name_in_home}")
        if result.problems:
            raise CommandError(f"{len(result.problems)} files are missing or damaged.", returncode=1)
        self.stdout.write(f"{result.files.total()} files verified: none missing, none damaged.")

    def _verify(self, *, record_missing: bool) -> Verification:
        if record_missing:
            self.stdout.write(f"Checksums recorded: {record_checksums.record_missing_checksums()}")
        result = selectors.verify()
        damage_records.update(result.problems, now=timezone.now())
        return result
