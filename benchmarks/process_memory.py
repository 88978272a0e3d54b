"""Memory of a process and its descendants, sampled from /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

INTERVAL: Final = 0.05  # seconds
PAGE: Final = 4096  # bytes


class MemoryMonitor:
    """Samples the resident memory of a process tree in a thread and keeps the maximum."""

    def __init__(self, root: int) -> None:
        self.root, self.maximum = root, 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> MemoryMonitor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def workers(self) -> list[int]:
        """Return the process ids of the direct children."""
        return sorted(pid for pid, parent in _parents().items() if parent == self.root)

    def current(self) -> int:
        """Return the resident memory of the process tree in bytes."""
        return sum(_resident(pid) for pid in _tree(self.root))

    def _sample(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self.maximum = max(self.maximum, self.current())


def _parents() -> dict[int, int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # the process ended in the meantime
            continue
    return parents


def _tree(root: int) -> list[int]:
    parents, tree = _parents(), [root]
    for ancestor in tree:  # grows during the iteration
        tree += [pid for pid, parent in parents.items() if parent == ancestor]
    return tree


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def resident_of_tree(root: int) -> int:
    """Return the resident memory of a process and its descendants in bytes; shared pages count each time."""
    return sum(_resident(pid) for pid in _tree(root))


def proportional_of_tree(root: int) -> int:
    """Return the memory of a process and its descendants in bytes; a shared page counts once in all."""
    return sum(_proportional(pid) for pid in _tree(root))


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def processor_seconds(root: int) -> float:
    """Return the processor time of a process, its descendants and their ended children."""
    return sum(_processor_ticks(pid) for pid in _tree(root)) / os.sysconf("SC_CLK_TCK")


def _processor_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime
