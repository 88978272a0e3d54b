"""Restores an archive into an empty home and an empty database."""

from __future__ import annotations

import hmac
import os
import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext as _

from webapp.backup import archive, bucket, contents, database, manifest
from webapp.backup.errors import RestoreRefused
from webapp.backup.manifest import Manifest


def restore_backup(path: Path, *, passphrase: str = "") -> Manifest:
    """Restore an archive and return its manifest.

    Every file is unpacked beside its place and compared with the manifest before anything else is changed.
    Raises DamagedBackup, RestoreRefused, StorageUnavailable.
    """
    _refuse_unless_empty()
    home = Path(settings.READROOM_HOME)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=home) as folder:
        unpacked = Path(folder)
        try:
            stored = archive.read(path, passphrase=passphrase, into=unpacked)
        except OSError as error:
            raise RestoreRefused(_("The archive cannot be restored: %(error)s") % {"error": error}) from error
        os.sync()  # once for all files, before a row names them
        check_fits(stored, key=(unpacked / manifest.SECRET_KEY).read_text())
        bucket.fill(unpacked / manifest.HOME)
        database.load(unpacked / stored.database)
        _compare_rows(stored)
        _store_key(unpacked / manifest.SECRET_KEY)
        _move_into_home(unpacked / manifest.HOME, home)
    return stored


def _refuse_unless_empty() -> None:
    home = Path(settings.READROOM_HOME)
    filled = [name for name in sorted(contents.OF_ROWS) if any((home / name).rglob("*"))]
    if filled:
        raise RestoreRefused(
            _("The home is not empty: it has files in %(folders)s. Restore into a new home.")
            % {"folders": ", ".join(filled)}
        )
    bucket.refuse_unless_empty()
    if not database.is_empty():
        raise RestoreRefused(_("The database is not empty. Restore into a new database."))


def check_fits(stored: Manifest, *, key: str) -> None:
    """Raise RestoreRefused for another kind of database, a later version or another secret key."""
    if stored.vendor != connection.vendor:
        raise RestoreRefused(
            _("The archive holds a database of %(archive)s, and DATABASE_URL names one of %(here)s.")
            % {"archive": stored.vendor, "here": connection.vendor}
        )
    # Tables of a later version would be used by code that does not know them.
    known = set(MigrationLoader(None).disk_migrations)
    apps = {app for app, _name in known}
    unknown = sorted(f"{app}.{name}" for app, name in set(stored.migrations) - known if app in apps)
    if unknown:
        raise RestoreRefused(
            _("A later version of Readroom made this archive: %(migration)s is unknown here.")
            % {"migration": unknown[0]}
        )
    if settings.SECRET_KEY_GIVEN and not hmac.compare_digest(key, settings.SECRET_KEY):
        raise RestoreRefused(
            _(
                "SECRET_KEY differs from the key of the archive, with which the patients' pseudonyms were "
                "made. Set the key of that installation."
            )
        )


def _compare_rows(stored: Manifest) -> None:
    if (rows := database.row_counts()) != dict(stored.rows):
        tables = sorted(name for name, count in stored.rows.items() if rows.get(name) != count)
        raise RestoreRefused(
            _("The database was loaded, but these tables differ from the archive: %(tables)s")
            % {"tables": ", ".join(tables)}
        )


def _store_key(path: Path) -> None:
    if not settings.SECRET_KEY_GIVEN:
        path.replace(Path(settings.READROOM_HOME) / manifest.SECRET_KEY)


def _move_into_home(unpacked: Path, home: Path) -> None:
    for entry in sorted(unpacked.iterdir()) if unpacked.is_dir() else []:
        target = home / entry.name
        if target.is_dir():  # empty, as _refuse_unless_empty has checked, or created at each start
            shutil.copytree(entry, target, dirs_exist_ok=True, copy_function=os.replace)
        else:
            entry.replace(target)
