"""`manage.py prepare`: make a home ready without starting anything."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from webapp.setup import prepare


class Command(BaseCommand):
    help = "Migrate, make the cache table, collect static files, adopt the default model version."

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse an unsafe combination of settings, then prepare."""
        self.check(tags=["readroom"])
        prepare()
