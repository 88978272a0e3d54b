"""Count the cases of the kept figures again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from diagnostics.review.models import ChangedCase
from diagnostics.review.services import kept_figures


class Command(BaseCommand):
    """Count all changed cases at once, in place of the periodic task."""

    help = "Count the cases of the kept figures that changed, or all of them, at once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --all."""
        parser.add_argument(
            "--all", action="store_true", help="every case, for example after a new secret key"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Count until no changed case is left."""
        if options["all"]:
            kept_figures.note_all_cases()
        noted = ChangedCase.objects.count()
        while ChangedCase.objects.exists() and kept_figures.recount_changed():
            pass
        self.stdout.write(f"{noted} changes counted")
