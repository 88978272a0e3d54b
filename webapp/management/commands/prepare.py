"""`manage.py prepare`: set up the home without starting a process."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from diagnostics.errors import StorageUnavailable
from webapp.setup import prepare


class Command(BaseCommand):
    help = "Migrate the database, create the cache table, collect static files, register the default model."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the system checks of Readroom, then set up the home."""
        self.check(tags=["readroom"])
        try:
            prepare()
        except StorageUnavailable as error:
            raise CommandError(str(error)) from error
