"""Whether the worker was asked to stop: one byte of memory, shared by the worker and its child processes."""

from __future__ import annotations

import mmap
from typing import Final


class StopFlag:
    """A flag without a lock: a child that is killed while it reads the flag blocks no other process."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)  # anonymous memory, shared with processes forked later

    def set(self) -> None:
        """Ask every job of this worker to end."""
        self._byte[0] = 1

    def clear(self) -> None:
        """Withdraw the request."""
        self._byte[0] = 0

    def is_set(self) -> bool:
        """Return whether the worker was asked to stop."""
        return self._byte[0] == 1


WORKER_STOP: Final = StopFlag()
