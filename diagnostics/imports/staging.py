"""Where collections lie before they are brought in: uploaded ones, and those put on the server."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings

from ml.images.size_limits import MAX_FILE_BYTES
from ml.importers.files import inside, is_clutter

MOST_CHOICES: Final = 200
UPLOAD: Final = "collection.zip"
TABLES_AND_ARCHIVES: Final = frozenset({".csv", ".zip"})


class FileUnavailable(OSError):
    """A radiograph of the collection is not where it was; `code` says what is wrong with it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def available_collections() -> list[str]:
    """Name what lies directly in the folder for imports: folders, tables and ZIPs."""
    root = Path(settings.IMPORTS)
    if not root.is_dir():
        return []
    return [entry.name for entry in sorted(root.iterdir()) if _may_be_chosen(root, entry)][:MOST_CHOICES]


def chosen(name: str) -> Path | None:
    """Give the place of one of the choices; None for any other name."""
    return Path(settings.IMPORTS) / name if name in available_collections() else None


def staging_folder(import_id: UUID) -> Path:
    """Say where an import keeps what it unpacks."""
    return Path(settings.INCOMING) / str(import_id)


def keep_upload(import_id: UUID, pieces: Iterable[bytes]) -> Path:
    """Write an uploaded ZIP into an import's room; raises OSError."""
    place = staging_folder(import_id) / UPLOAD
    with place.open("xb") as file:
        for piece in pieces:
            file.write(piece)
    return place


def forget_upload(import_id: UUID) -> None:
    """Clear away an uploaded ZIP that is unpacked."""
    (staging_folder(import_id) / UPLOAD).unlink(missing_ok=True)


def clear(import_id: UUID) -> None:
    """Clear away what an import has kept; what lies in the folder for imports stays."""
    shutil.rmtree(staging_folder(import_id), ignore_errors=True)


def clear_all_but(kept: set[UUID], *, older_than: datetime) -> int:
    """Clear the rooms that belong to no import: a web process died in the middle of a look."""
    root = Path(settings.INCOMING)
    names = {str(import_id) for import_id in kept}
    left = [
        entry
        for entry in (root.iterdir() if root.is_dir() else ())
        if entry.name not in names and entry.stat().st_mtime < older_than.timestamp()
    ]
    for entry in left:
        shutil.rmtree(entry, ignore_errors=True)
    return len(left)


def read(base: Path, path: str) -> bytes:
    """Read one radiograph below a folder, at most one byte more than a radiograph may have; raises Missing."""
    place = inside(base, path)  # asked anew: a link may have taken the file's place meanwhile
    if place is None:
        raise FileUnavailable("outside")
    try:
        with place.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as trouble:
        raise FileUnavailable("file_missing") from trouble
    except OSError as trouble:
        raise FileUnavailable("file_unreadable") from trouble


def _may_be_chosen(root: Path, entry: Path) -> bool:
    if is_clutter(entry.name) or not entry.name.isprintable():
        return False
    within = entry.resolve().is_relative_to(root.resolve())  # a link leads nowhere else
    return within and (entry.is_dir() or (entry.is_file() and entry.suffix.lower() in TABLES_AND_ARCHIVES))
