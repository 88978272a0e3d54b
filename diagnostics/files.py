"""Files on the disk: their checksum, durable writing, and their age."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

DRAFT_SUFFIX: Final = ".tmp"

logger = logging.getLogger(__name__)


class FileProblem(models.TextChoices):
    MISSING = "missing", _("Missing")
    DAMAGED = "damaged", _("Damaged")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_durably(target: Path, content: bytes) -> str:
    """Write a file atomically and durably, and return its SHA-256; raises OSError."""
    with durable_draft(target) as file:
        file.write(content)
    return hashlib.sha256(content).hexdigest()


@contextmanager
def durable_draft(target: Path) -> Iterator[IO[bytes]]:
    """Yield a draft that takes the name of the target at the end of the block; raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{uuid.uuid4().hex}{DRAFT_SUFFIX}")
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # as durable as the row that names this file
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names of the files in a folder durable; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_older(path: Path, than: timedelta, *, now: datetime) -> bool:
    """Return whether a file or folder got its content and its name longer ago; False for a missing one."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    # A hard link has the modification time of the original file, but its own making is a change of status.
    return max(status.st_mtime, status.st_ctime) < (now - than).timestamp()


def old_files(folder: Path, than: timedelta, *, now: datetime) -> list[Path]:
    """Return the files directly in a folder that got their content and their name longer ago."""
    try:
        return [entry for entry in folder.iterdir() if not entry.is_dir() and is_older(entry, than, now=now)]
    except FileNotFoundError:
        return []


def subfolders(folder: Path) -> list[Path]:
    """Return the folders directly in a folder, sorted; none if it is missing."""
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())
    except FileNotFoundError:
        return []


def delete(files: Iterable[Path]) -> int:
    """Delete files and return how many are gone; one that cannot be deleted stays for the next sweep."""
    deleted = 0
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s could not be deleted: %s", file.name, error.strerror)
        else:
            deleted += 1
    return deleted


def delete_folders(folders: Iterable[Path]) -> int:
    """Delete folders with their content and return how many are gone."""
    removed = 0
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        removed += not folder.exists()
    return removed
