"""What a database file keeps of deleted rows."""

from __future__ import annotations

from django.db import connection


def overwrite_deleted() -> None:
    """Let SQLite overwrite what this connection deletes; otherwise the bytes stay in free pages."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete=ON")


def clear_log() -> None:
    """Move SQLite's write-ahead log, which has the deleted rows too, into the database and empty it.

    A reader that is active at this moment delays it to the next call. PostgreSQL overwrites deleted rows when
    autovacuum reaches them.
    """
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
