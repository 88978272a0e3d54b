"""What the search of cases keeps beside the tables of models."""

from __future__ import annotations

from django.db import connection


def searched_texts() -> list[tuple[str, ...]]:
    """Return the rows from which SQLite's full-text indexes are made."""
    if connection.vendor != "sqlite":
        return []
    tables = "SELECT accession, reference FROM search_case UNION SELECT name, '' FROM search_patient"
    with connection.cursor() as cursor:
        cursor.execute(tables)
        return list(cursor.fetchall())
