"""Slots that bound the simultaneous decodings of all processes of a host, as locks on files of one folder.

A lock ends with the last process that has its file open, so a killed process frees its slot. The decoding
child holds the file as well: a slot is never free while its child runs.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.errors import DecoderBusy

INTERVAL: Final = 0.02  # seconds between two attempts


class _Held(threading.local):
    descriptor: int | None = None


_held = _Held()


def held_slot() -> int | None:
    """Return the descriptor of the slot that this thread holds, if any."""
    return _held.descriptor


@dataclass(frozen=True)
class DecodingSlots:
    """So many lock files in a folder, and the seconds to wait for one."""

    folder: Path
    count: int
    wait_seconds: float

    @contextmanager
    def take(self) -> Iterator[int]:
        """Hold a slot and yield the descriptor of its file; raises DecoderBusy when none becomes free.

        A thread that holds a slot keeps it and takes no second one.
        """
        if _held.descriptor is not None:
            yield _held.descriptor
            return
        _held.descriptor = self._wait()
        try:
            yield _held.descriptor
        finally:
            os.close(_held.descriptor)
            _held.descriptor = None

    def _wait(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + self.wait_seconds
        while True:
            for number in range(self.count):
                descriptor = _locked(self.folder / f"slot-{number}")
                if descriptor is not None:
                    return descriptor
            if time.monotonic() >= until:
                raise DecoderBusy
            time.sleep(INTERVAL)


def _locked(path: Path) -> int | None:
    """Return the descriptor of a file that is locked now, None if another process holds the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
