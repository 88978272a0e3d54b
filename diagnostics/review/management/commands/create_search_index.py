"""`manage.py create_search_index`: create the indexes of the search of cases, again if they exist."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import connection, transaction

MIGRATION = "diagnostics.review.migrations.0007_search_index"


class Command(BaseCommand):
    help = (
        "Create the trigram indexes of the search of cases: on PostgreSQL where the extension pg_trgm was "
        "missing, on SQLite where a repaired database has lost them."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the indexes as the migration does."""
        editor = connection.schema_editor()  # not entered: SQLite need not suspend its foreign keys
        with transaction.atomic():
            import_module(MIGRATION).create_search_index(apps, editor)
