"""The files of collections before their import: uploads, unpacked ZIPs and the server's import folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings

from diagnostics.files import is_older, subfolders
from ml.images.size_limits import MAX_FILE_BYTES
from ml.importers.files import inside, is_clutter

MAX_CHOICES: Final = 200
UPLOAD: Final = "collection.zip"
TABLES_AND_ARCHIVES: Final = frozenset({".csv", ".zip"})


class FileUnavailable(OSError):
    """A listed radiograph cannot be read; `code` names the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def available_collections() -> list[str]:
    """Return the names of the folders, tables and ZIPs directly inside the import folder."""
    root = Path(settings.IMPORTS)
    if not root.is_dir():
        return []
    return [entry.name for entry in sorted(root.iterdir()) if _is_selectable(root, entry)][:MAX_CHOICES]


def collection_path(name: str) -> Path | None:
    """Return the path of an available collection; None for any other name."""
    return Path(settings.IMPORTS) / name if name in available_collections() else None


def staging_folder(import_id: UUID) -> Path:
    """Return the folder for an import's upload and unpacked files."""
    return Path(settings.INCOMING) / str(import_id)


def store_upload(import_id: UUID, chunks: Iterable[bytes]) -> Path:
    """Write an uploaded ZIP to the import's staging folder and return its path; raises OSError."""
    path = staging_folder(import_id) / UPLOAD
    with path.open("xb") as file:
        for chunk in chunks:
            file.write(chunk)
    return path


def remove_upload(import_id: UUID) -> None:
    """Remove an uploaded ZIP after it was unpacked."""
    (staging_folder(import_id) / UPLOAD).unlink(missing_ok=True)


def clear(import_id: UUID) -> None:
    """Remove the staging folder of an import; files in the import folder stay."""
    shutil.rmtree(staging_folder(import_id), ignore_errors=True)


def old_folders(older_than: timedelta, *, now: datetime) -> list[Path]:
    """Return the staging folders that were made longer ago."""
    folders = subfolders(Path(settings.INCOMING))
    return [folder for folder in folders if is_older(folder, older_than, now=now)]


def read(base: Path, path: str) -> bytes:
    """Return the content of one radiograph, at most one byte above the limit; raises FileUnavailable."""
    resolved = inside(base, path)  # checked again: a link may have replaced the file since the scan
    if resolved is None:
        raise FileUnavailable("outside")
    try:
        with resolved.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise FileUnavailable("file_missing") from error
    except OSError as error:
        raise FileUnavailable("file_unreadable") from error


def _is_selectable(root: Path, entry: Path) -> bool:
    if is_clutter(entry.name) or not entry.name.isprintable():
        return False
    within = entry.resolve().is_relative_to(root.resolve())  # a link must not lead outside
    return within and (entry.is_dir() or (entry.is_file() and entry.suffix.lower() in TABLES_AND_ARCHIVES))
