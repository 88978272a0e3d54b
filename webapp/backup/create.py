"""Writes a backup while Readroom runs.

The end of the audit chain is read first, so that the copy of the database contains it. The database is copied
next. A row names its files only after they are written, and a file that a row names
is never changed, so the files that the copy names are complete whenever they are read. Files written later
belong to rows that the copy does not have, and stay out.
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from diagnostics.errors import StorageUnavailable
from diagnostics.stores.base import StoredFile
from webapp.backup import archive, contents, database, manifest
from webapp.backup.errors import BackupFailed
from webapp.backup.manifest import HOME, Manifest


def create_backup(
    path: Path, *, passphrase: str = "", with_checkpoints: bool = False, now: datetime
) -> Manifest:
    """Write an archive, readable by its owner only, and return its manifest; raises BackupFailed."""
    try:
        anchor = contents.audit_anchor()
        with (
            tempfile.TemporaryDirectory(prefix=".backup-", dir=settings.READROOM_HOME) as folder,
            database.snapshot(Path(folder)) as copy,
            archive.written(path, passphrase=passphrase) as out,
        ):
            if anchor is not None:
                name, content = anchor
                out.add_bytes(f"{HOME}{name}", content)
            return _write(out, copy, with_checkpoints=with_checkpoints, now=now)
    except FileExistsError as error:
        raise BackupFailed(_("%(path)s exists already.") % {"path": path}) from error
    except StorageUnavailable as error:
        raise BackupFailed(str(error)) from error
    except OSError as error:
        raise BackupFailed(_("The archive cannot be written: %(error)s") % {"error": error}) from error


def _write(
    out: archive.Writer, copy: database.Snapshot, *, with_checkpoints: bool, now: datetime
) -> Manifest:
    out.add(manifest.DATABASES[copy.vendor], copy.path)
    out.add_bytes(manifest.SECRET_KEY, settings.SECRET_KEY.encode())
    home = Path(settings.READROOM_HOME)
    missing = [file.name_in_home for file in contents.named_files(copy.using) if not _add(out, file)]
    for name in contents.other_files(copy.using, with_checkpoints=with_checkpoints):
        out.add(f"{HOME}{name}", home / name)
    written = Manifest(
        created_at=now.isoformat(),
        vendor=copy.vendor,
        migrations=database.applied_migrations(copy.using),
        rows=database.row_counts(copy.using),
        files=dict(out.files),
        missing=tuple(missing),
    )
    out.add_bytes(manifest.MEMBER, written.to_json())
    return written


def _add(out: archive.Writer, file: StoredFile) -> bool:
    """Add a file from the disk or from S3; return False when it is missing."""
    try:
        content = file.read()
    except FileNotFoundError:
        return False
    out.add_bytes(f"{HOME}{file.name_in_home}", content)
    return True
