"""The name of a worker process, from which another process on the same host can see whether it still runs."""

from __future__ import annotations

import hashlib
import os
import socket
from functools import lru_cache
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
STATE, START_TIME = 0, 19  # of the fields of /proc/PID/stat after the process name
ENDED: Final = frozenset({"Z", "X"})


def worker_name() -> str:
    """Return host, process id, start time and process-id space of this process."""
    return f"{host_prefix()}{os.getpid()}:{_start_time(os.getpid())}:{_pid_space()}"[:100]


def host_prefix() -> str:
    """Return how the names of this host's workers begin."""
    return f"{socket.gethostname()}:"


def is_dead(worker: str) -> bool:
    """Return whether a worker is known to have ended; False for one of another host or container."""
    parts = worker.removeprefix(host_prefix()).split(":")
    if not worker.startswith(host_prefix()) or len(parts) != 3 or not parts[0].isdigit():
        return False
    pid, start_time, space = parts
    return bool(space) and space == _pid_space() and _start_time(int(pid)) != start_time


def _start_time(pid: int) -> str:
    """Return when a process started, in ticks since the boot; empty when it has ended."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[STATE] in ENDED else fields[START_TIME]


@lru_cache(maxsize=1)
def _pid_space() -> str:
    """Identify the boot and the container within which process ids are unique; empty where unknown."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text()
        namespace = (PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return hashlib.sha256(f"{boot}{namespace}".encode()).hexdigest()[:8]
