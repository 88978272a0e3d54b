"""`manage.py erase_again`: repeat erasures after an older backup was restored."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.errors import DomainError
from diagnostics.privacy.management.arguments import user_named
from diagnostics.privacy.services import erasure


class Command(BaseCommand):
    help = (
        "Erase the patients whose digests are read from standard input, one a line, as `erase_patient` has "
        "printed them. Run it after an older backup was restored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the user."""
        parser.add_argument("--by", required=True, help="user name of an administrator of the sites")

    def handle(self, *args: Any, by: str, **options: Any) -> None:
        """Erase the patients that the backup has brought back."""
        digests = {line.strip() for line in sys.stdin if line.strip()}
        try:
            done = erasure.erase_again(digests=digests, by=user_named(by), now=timezone.now())
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(digests)} digests: {len(done)} patients were present and are erased again.")
