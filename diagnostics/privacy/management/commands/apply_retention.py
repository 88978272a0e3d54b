"""`manage.py apply_retention`: erase what the retention rules no longer keep."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.errors import DomainError
from diagnostics.privacy.services import retention


class Command(BaseCommand):
    help = "Erase the cases and AI results that the retention rules of the sites no longer keep."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the dry run."""
        parser.add_argument("--dry-run", action="store_true", help="only count what would be erased")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        """Print what each site no longer keeps, then erase it."""
        now = timezone.now()
        for expired in retention.preview(now=now):
            self.stdout.write(
                f"{expired.site}: {expired.cases} cases, {expired.predictions} replaced AI results"
            )
        if dry_run:
            self.stdout.write("Dry run: nothing was deleted.")
            return
        try:
            for done in retention.apply(now=now):
                self.stdout.write(f"{done.site}: erased {sum(done.rows.values())} rows ({done.reason}).")
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
