"""A consistent copy of the running database, and its return into an empty one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _

from webapp.backup.errors import BackupFailed, DamagedBackup, RestoreRefused
from webapp.backup.manifest import DATABASES

COPY_ALIAS: Final = "backup_copy"
SQLITE_COMPANIONS: Final = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Snapshot:
    """A copy of the database; queries with `using` see the same state as the copy."""

    vendor: str
    path: Path
    using: str


@contextmanager
def snapshot(folder: Path) -> Iterator[Snapshot]:
    """Copy the database into a folder while other processes write to it; raises BackupFailed, OSError."""
    path = folder / DATABASES[connection.vendor]
    copied = _sqlite_copy(path) if connection.vendor == "sqlite" else _postgresql_dump(path)
    with copied as using:
        yield Snapshot(connection.vendor, path, using)


def row_counts(using: str = DEFAULT_DB_ALIAS) -> dict[str, int]:
    """Return the number of rows of every table."""
    counts = {}
    with connections[using].cursor() as cursor:
        for table in sorted(connections[using].introspection.table_names(cursor)):
            cursor.execute(f"SELECT COUNT(*) FROM {connections[using].ops.quote_name(table)}")  # noqa: S608 - quoted names of our own tables
            counts[table] = cursor.fetchone()[0]
    return counts


def applied_migrations(using: str = DEFAULT_DB_ALIAS) -> tuple[tuple[str, str], ...]:
    """Return app and name of the applied migrations."""
    return tuple(sorted(MigrationRecorder(connections[using]).applied_migrations()))


def is_empty() -> bool:
    """Return whether the database has no table."""
    return not connection.introspection.table_names()


def load(path: Path) -> None:
    """Load a copy into the empty database, in one step; raises DamagedBackup, RestoreRefused, OSError."""
    if connection.vendor == "sqlite":
        _load_sqlite(path)
    else:
        command = ("pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
        _run(*command, f"--dbname={connection.settings_dict['NAME']}", str(path), error=RestoreRefused)


@contextmanager
def _sqlite_copy(path: Path) -> Iterator[str]:
    # One step of SQLite's backup function is one read transaction: in WAL mode no writer waits for it.
    source = f"file:{connection.settings_dict['NAME']}?mode=ro"
    with closing(sqlite3.connect(source, uri=True)) as live, closing(sqlite3.connect(path)) as copy:
        live.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a write-ahead log
    connections[COPY_ALIAS] = opened = connection.copy(COPY_ALIAS)
    opened.settings_dict |= {"NAME": str(path), "OPTIONS": {}}
    try:
        yield COPY_ALIAS
    finally:
        opened.close()
        del connections[COPY_ALIAS]


@contextmanager
def _postgresql_dump(path: Path) -> Iterator[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        seen = cursor.fetchone()[0]
        command = ("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={seen}")
        _run(*command, f"--file={path}", error=BackupFailed)
        yield DEFAULT_DB_ALIAS  # queries of this transaction see what pg_dump has seen


def _load_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as copy:
        try:
            sound = copy.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        except sqlite3.DatabaseError:
            sound = False
    if not sound:
        raise DamagedBackup(_("%(name)s is damaged.") % {"name": path.name})
    connection.close()
    target = Path(connection.settings_dict["NAME"])
    for companion in SQLITE_COMPANIONS:
        target.with_name(target.name + companion).unlink(missing_ok=True)
    path.replace(target)


def _run(program: str, *arguments: str, error: type[BackupFailed | RestoreRefused]) -> None:
    """Run a client of PostgreSQL with the connection in the environment: other users see command lines."""
    path = shutil.which(program) or _installed(program)
    if path is None:
        raise error(_("%(name)s is not installed: install PostgreSQL's client.") % {"name": program})
    keys = {
        "HOST": "PGHOST",
        "PORT": "PGPORT",
        "USER": "PGUSER",
        "PASSWORD": "PGPASSWORD",
        "NAME": "PGDATABASE",
    }
    values = {name: str(connection.settings_dict[key]) for key, name in keys.items()}
    known = {name: value for name, value in values.items() if value}
    done = subprocess.run([path, *arguments], env=os.environ | known, capture_output=True, text=True)
    if done.returncode:
        raise error(f"{program}: {done.stderr.strip()}")


def _installed(program: str) -> str | None:
    """Return the newest installed version; Debian has no link to pg_restore of each server version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(found[-1]) if found else None
