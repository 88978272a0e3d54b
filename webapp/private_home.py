"""Access to the home: nobody but the user that runs Readroom may read it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

UMASK: Final = 0o077  # no access for the group and others


def restrict(home: Path) -> None:
    """Create the home; give it, its files and all new files of this process to their owner alone.

    Files of other users, such as collections that they put into the import folder, stay as they are.
    """
    os.umask(UMASK)
    home.mkdir(parents=True, exist_ok=True)
    if is_open_to_others(home):  # made by an earlier release or by an administrator
        for path in _content(home):
            _restrict_path(path)
        _restrict_path(home)  # last, so that an interrupted walk is repeated at the next start


def is_open_to_others(path: Path) -> bool:
    """Return whether the group or others have any access to a file or folder itself."""
    return bool(path.stat().st_mode & UMASK)


def _content(home: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(home):
        yield from (Path(folder, name) for name in (*folders, *files))


def _restrict_path(path: Path) -> None:
    with contextlib.suppress(PermissionError, FileNotFoundError):
        mode = path.lstat().st_mode
        if mode & UMASK and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~UMASK)
