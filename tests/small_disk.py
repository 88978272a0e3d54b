"""A real file system of a few megabytes that a test can fill, so that the kernel reports a full disk."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

BLOCK: Final = 65_536  # bytes


@dataclass(frozen=True)
class SmallDisk:
    """A mounted tmpfs."""

    folder: Path

    def fill(self, *, leave: int = 0) -> None:
        """Use up the space as another program does, except `leave` bytes."""
        with self._filler.open("ab", buffering=0) as file:
            while True:
                try:
                    if not file.write(bytes(BLOCK)):
                        break
                except OSError:
                    break
        if leave:
            size = self._filler.stat().st_size
            with self._filler.open("r+b") as file:
                file.truncate(size - leave)

    def free(self) -> None:
        """Give the used space back."""
        self._filler.unlink()

    @property
    def _filler(self) -> Path:
        return self.folder / "of-another-program"


@contextmanager
def mounted_disk(folder: Path, *, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a tmpfs on a folder; skips the test where that is not permitted."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a file system is not permitted here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Return a file system of eight megabytes."""
    with mounted_disk(tmp_path / "disk", megabytes=8) as disk:
        yield disk
