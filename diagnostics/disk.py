"""Free space of the home: work that stores files waits when there is little, so that pages and logins go on.

A file reserves space of the disk. When the rest is used up, by other programs too, the file is deleted and
its space belongs to the database: to sessions, logins, readings and the audit.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
from pathlib import Path
from typing import Final

from django.conf import settings

from diagnostics.errors import StorageUnavailable

RESERVE_FILE: Final = "disk_reserve"
FULL_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

logger = logging.getLogger(__name__)


def has_room() -> bool:
    """Return whether work that stores files may begin: the reserve is complete and some space is free."""
    return _free_bytes() - (_reserved_bytes() - _reserve_size()) >= _margin()


def is_full(error: BaseException) -> bool:
    """Return whether an error means that nothing can be stored for now: a full disk, S3 out of reach."""
    return isinstance(error, StorageUnavailable) or (
        isinstance(error, OSError) and error.errno in FULL_ERRORS
    )


def release_reserve() -> bool:
    """Delete the reserve file when the disk is full; return whether it was deleted."""
    if _free_bytes() >= _margin() // 2 or not _reserve_size():
        return False
    try:
        _reserve_file().unlink(missing_ok=True)
    except OSError as error:  # mounted read-only
        logger.error("the disk is full and its reserve cannot be released: %s", error.strerror)
        return False
    logger.error("the disk is full: its reserve now belongs to the database; uploads and AI results wait")
    return True


def keep_reserve() -> None:
    """Delete the reserve file when the disk is full; make it again when there is room for it."""
    if release_reserve() or _reserve_size() >= _reserved_bytes():
        return
    if _free_bytes() < _reserved_bytes() + _margin():
        return
    try:
        with _reserve_file().open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _reserved_bytes())
    except OSError as error:  # another program was faster
        _reserve_file().unlink(missing_ok=True)
        logger.warning("no space could be reserved: %s", error.strerror)


def _free_bytes() -> int:
    return shutil.disk_usage(settings.READROOM_HOME).free


def _reserved_bytes() -> int:
    return int(settings.DISK_RESERVE)


def _margin() -> int:
    """Return the free space below which no work begins; a radiograph and its heatmap need less."""
    return _reserved_bytes() // 2


def _reserve_size() -> int:
    try:
        return _reserve_file().stat().st_size
    except FileNotFoundError:
        return 0


def _reserve_file() -> Path:
    return Path(settings.READROOM_HOME) / RESERVE_FILE
