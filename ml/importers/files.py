"""Listing of files and folders in collections from untrusted sources."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Final

RADIOGRAPH_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".dcm", ".dicom"})
CLUTTER: Final = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})  # and names that begin with a dot
MASK_FOLDERS: Final = frozenset({"mask", "masks"})


def is_clutter(name: str) -> bool:
    """Return whether a file or folder belongs to an operating system, not to the collection."""
    return name.startswith(".") or name in CLUTTER


def is_radiograph(path: Path) -> bool:
    """Return whether a file has the suffix of a radiograph or, without a suffix, the DICOM preamble."""
    if path.suffix:
        return path.suffix.lower() in RADIOGRAPH_SUFFIXES
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def folders_in(folder: Path) -> list[Path]:
    """Return the folders directly in a folder, by name; links are not followed."""
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.is_dir(follow_symlinks=False) and not is_clutter(e.name)]
    return [folder / name for name in sorted(names)]


def files_in(folder: Path) -> list[Path]:
    """Return the files and links directly in a folder, by name; none if the folder does not exist."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if not e.is_dir(follow_symlinks=False) and not is_clutter(e.name)]
    return [folder / name for name in sorted(names)]


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file and link at any depth, by name; links to folders are not followed."""
    yield from files_in(folder)
    for inner in folders_in(folder):
        yield from files_below(inner)


def inside(root: Path, name: str) -> Path | None:
    """Return the path of a name in a table, or None if the name or a link leads outside the root."""
    if PureWindowsPath(name).drive:
        return None
    path = root / name.replace("\\", "/")
    try:
        return path if path.resolve().is_relative_to(root.resolve()) else None
    except (OSError, RuntimeError, ValueError):  # a name that is too long, a link to itself, a zero byte
        return None


def file_exists(path: Path) -> bool:
    """Return whether a file exists; False for invalid file names."""
    try:
        return path.is_file()
    except OSError:
        return False
