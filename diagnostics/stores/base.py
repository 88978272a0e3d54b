"""What a store of files does, on the disk and in S3 alike, and a file that a row names."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from diagnostics.files import FileProblem

logger = logging.getLogger(__name__)


class Store(Protocol):
    """Files under names such as `radiographs/61/6133e240.png`.

    A missing file raises FileNotFoundError, a disk that fails OSError, and an S3 endpoint that does not
    answer or refuses StorageUnavailable.
    """

    @property
    def label(self) -> str:
        """Return the folder of the home that these files have, or would have."""

    def write(self, name: str, content: bytes) -> str:
        """Write a file completely or not at all, replacing an earlier one, and return its SHA-256."""

    def settle(self, name: str) -> None:
        """Make the names of the files in this file's folder durable, once after several were written."""

    def read(self, name: str) -> bytes:
        """Return the content of a file."""

    def size(self, name: str) -> int | None:
        """Return the size in bytes; None when the file is missing."""

    def copy(self, name: str, *, to: str) -> None:
        """Store the content of a file under a second name."""

    def remove(self, name: str) -> None:
        """Delete a file; a missing one is no error."""

    def delete(self, names: Iterable[str]) -> int:
        """Delete files and return how many are gone; one that cannot be deleted stays for the next sweep."""

    def written_at(self, names: Sequence[str]) -> Mapping[str, datetime]:
        """Return when files got their content and their name; missing ones are left out."""

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders directly in a folder, sorted."""

    def old_files(self, folder: str, than: timedelta, *, now: datetime) -> list[str]:
        """Return the files directly in a folder that were written longer ago."""


@dataclass(frozen=True)
class StoredFile:
    """A file that a row names; an empty `sha256` means that none was recorded."""

    kind: str
    row: str  # primary key of the row
    name: str  # in its store
    sha256: str
    store: Store

    @property
    def size(self) -> int | None:
        """Return the size in bytes; None when the file is missing."""
        return self.store.size(self.name)

    @property
    def name_in_home(self) -> str:
        """Return the path relative to the home, which a file in S3 would have there."""
        return f"{self.store.label}/{self.name}"

    def read(self) -> bytes:
        """Return the content; raises OSError, StorageUnavailable."""
        return self.store.read(self.name)


def problem_of(file: StoredFile) -> FileProblem | None:
    """Return what is wrong with a stored file; None when it has its checksum. Raises StorageUnavailable."""
    try:
        content = file.read()
    except FileNotFoundError:
        return FileProblem.MISSING
    except OSError as error:  # a disk that cannot read it
        logger.error("%s cannot be read: %s", file.name, error.strerror)
        return FileProblem.DAMAGED
    is_damaged = file.sha256 and hashlib.sha256(content).hexdigest() != file.sha256
    return FileProblem.DAMAGED if is_damaged else None
