"""Expensive things that all processes of one test session share: built once, under a file lock."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def build_once(folder: Path, name: str, build: Callable[[Path], object]) -> Path:
    """Return `folder / name`; the first caller of the session builds it, later callers wait for that."""
    target, draft = folder / name, folder / f"{name}.draft"
    with locked(folder / f"{name}.lock"):
        if not target.exists():
            shutil.rmtree(draft, ignore_errors=True)  # of a build that failed
            build(draft)
            draft.rename(target)
    return target


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, also against other processes."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
