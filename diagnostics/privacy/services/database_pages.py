"""What a database file keeps of deleted rows."""

from __future__ import annotations

from django.db import connection


def overwrite_deleted() -> None:
    """Let SQLite overwrite what this connection deletes; otherwise the bytes stay in free pages."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete=ON")


def forget_search_terms() -> None:
    """Rewrite SQLite's full-text indexes, which otherwise keep the parts of deleted texts until they merge.

    It takes some seconds for a million cases. PostgreSQL has its indexes on the columns themselves.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for table in ("search_case_text", "search_patient_text"):
                cursor.execute(f"INSERT INTO {table}({table}) VALUES ('optimize')")  # noqa: S608


def clear_log() -> None:
    """Move SQLite's write-ahead log, which has the deleted rows too, into the database and empty it.

    A reader that is active at this moment delays it to the next call. PostgreSQL overwrites deleted rows when
    autovacuum reaches them.
    """
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
