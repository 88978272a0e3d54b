"""The files of staged uploads: the file as received, and its thumbnail; names are UUIDs."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Final
from uuid import UUID

from django.conf import settings

from diagnostics.files import delete, durable_draft, is_older, old_files, subfolders, write_durably

ORIGINAL: Final = ".bin"
THUMBNAIL: Final = ".png"
UNPACKING: Final = "unpacking-"  # prefix of the folder of a ZIP while it is received


def store(upload_id: UUID, chunks: Iterable[bytes]) -> None:
    """Write the file of an upload; raises OSError."""
    with durable_draft(_path(upload_id, ORIGINAL)) as file:
        for chunk in chunks:
            file.write(chunk)


def adopt(upload_id: UUID, file: Path) -> None:
    """Move an unpacked file to the upload's name; raises OSError."""
    target = _path(upload_id, ORIGINAL)
    target.parent.mkdir(parents=True, exist_ok=True)
    file.replace(target)
    target.touch()  # its age counts from now on, not from the time in the ZIP


def read(upload_id: UUID) -> bytes:
    """Return the file of an upload; raises OSError."""
    return _path(upload_id, ORIGINAL).read_bytes()


def store_thumbnail(upload_id: UUID, png: bytes) -> None:
    """Write the thumbnail of an upload; raises OSError."""
    write_durably(_path(upload_id, THUMBNAIL), png)


def read_thumbnail(upload_id: UUID) -> bytes:
    """Return the thumbnail of an upload; raises OSError."""
    return _path(upload_id, THUMBNAIL).read_bytes()


def remove_original(upload_id: UUID) -> None:
    """Delete the file of an upload that is sent or refused; its thumbnail stays."""
    delete([_path(upload_id, ORIGINAL)])


def remove(upload_id: UUID) -> None:
    """Delete the files of an upload."""
    delete([_path(upload_id, ORIGINAL), _path(upload_id, THUMBNAIL)])


@contextmanager
def unpacking_folder() -> Iterator[Path]:
    """Yield a folder for a ZIP and its content; it is deleted at the end of the block."""
    root = Path(settings.STAGED)
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=UNPACKING, dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def old_unpacking_folders(older_than: timedelta, *, now: datetime) -> list[Path]:
    """Return the folders that killed processes have left."""
    folders = [folder for folder in subfolders(Path(settings.STAGED)) if folder.name.startswith(UNPACKING)]
    return [folder for folder in folders if is_older(folder, older_than, now=now)]


def old_staged_files(older_than: timedelta, *, now: datetime) -> list[Path]:
    """Return the files of uploads that were written longer ago."""
    folders = [
        folder for folder in subfolders(Path(settings.STAGED)) if not folder.name.startswith(UNPACKING)
    ]
    return [file for folder in folders for file in old_files(folder, older_than, now=now)]


def upload_of(file: Path) -> UUID | None:
    """Return the upload that a file is named after; None for any other file."""
    try:
        return UUID(file.name.split(".")[0])
    except ValueError:
        return None


def _path(upload_id: UUID, suffix: str) -> Path:
    return Path(settings.STAGED) / upload_id.hex[:2] / f"{upload_id}{suffix}"
