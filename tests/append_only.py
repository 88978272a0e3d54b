"""The audit tables without their triggers: at the end of tests, and as a database owner can have them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection

TABLES: Final = ("audit_auditevent", "audit_auditcheckpoint")


@contextmanager
def triggers_suspended() -> Iterator[None]:
    """Switch the triggers off, and on again at the end."""
    suspend = _on_postgresql if connection.vendor == "postgresql" else _on_sqlite
    yield from suspend()


def _on_postgresql() -> Iterator[None]:
    for switch in ("DISABLE", "ENABLE"):
        _execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with pending checks cannot be altered
        for table in TABLES:
            _execute(f"ALTER TABLE {table} {switch} TRIGGER USER")
        if switch == "DISABLE":
            yield


def _on_sqlite() -> Iterator[None]:
    stored = _execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'")
    for name, _ in stored:
        _execute(f"DROP TRIGGER {name}")
    yield
    for _, statement in stored:
        _execute(statement)


def _execute(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
