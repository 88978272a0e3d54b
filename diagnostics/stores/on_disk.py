"""Files on the disk: written as a draft, made durable, then renamed."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from diagnostics import files


@dataclass(frozen=True)
class DiskStore:
    """The files below a folder of the home."""

    root: Path

    @property
    def label(self) -> str:
        """Return the name of the folder."""
        return self.root.name

    def path(self, name: str) -> Path:
        """Return the absolute path of a file."""
        return self.root / name

    def write(self, name: str, content: bytes) -> str:
        """Write a draft, flush it to the disk and give it the name."""
        return files.write_durably(self.path(name), content)

    def settle(self, name: str) -> None:
        """Flush the folder of a file to the disk."""
        files.sync_folder(self.path(name).parent)

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        return self.path(name).read_bytes()

    def size(self, name: str) -> int | None:
        """Return the size in bytes; None when the file is missing."""
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            return None

    def copy(self, name: str, *, to: str) -> None:
        """Link the file to a second name."""
        old, new = self.path(name), self.path(to)
        new.parent.mkdir(parents=True, exist_ok=True)
        try:
            new.hardlink_to(old)
        except FileNotFoundError:
            raise
        except OSError:  # some network file systems have no hard links
            shutil.copyfile(old, new)

    def remove(self, name: str) -> None:
        """Delete a file; a missing one is no error."""
        self.path(name).unlink(missing_ok=True)

    def delete(self, names: Iterable[str]) -> int:
        """Delete files and return how many are gone."""
        return files.delete(map(self.path, names))

    def written_at(self, names: Sequence[str]) -> Mapping[str, datetime]:
        """Return the later of modification and change of status, which a hard link has of its own."""
        found = {}
        for name in names:
            try:
                status = self.path(name).lstat()
            except FileNotFoundError:
                continue
            found[name] = datetime.fromtimestamp(max(status.st_mtime, status.st_ctime), UTC)
        return found

    def folders(self, folder: str) -> list[str]:
        """Return the folders directly in a folder, sorted."""
        return [f"{folder}/{entry.name}" for entry in files.subfolders(self.path(folder))]

    def old_files(self, folder: str, than: timedelta, *, now: datetime) -> list[str]:
        """Return the files directly in a folder that were written longer ago."""
        return [f"{folder}/{file.name}" for file in files.old_files(self.path(folder), than, now=now)]
