"""Random faults, one after the other, with the times at which they began and ended."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.faults.processes import Target, freeze, thaw
from tests.stack import Stack

PAUSE = (0.5, 5.0)  # seconds between two faults
OUTAGE = (0.1, 2.0)  # seconds until a killed process is started again
FREEZE = (0.5, 4.0)  # seconds
DATABASE_LOCKED = "database locked"


@dataclass
class Faults:
    """Injects faults into a stack; `outages` are (begin, end) in seconds since the epoch."""

    stack: Stack
    targets: list[Target]
    random: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    outages: list[tuple[float, float]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def inject(self) -> str:
        """Inject one fault at a random target, wait until it is over, and return what it was."""
        kinds = self._kinds()
        name = self.random.choice(sorted(kinds))
        began = time.time()
        kinds[name]()
        self.counts[name] += 1
        self.outages.append((began, time.time()))
        self.names.append(name)
        time.sleep(self.random.uniform(*PAUSE))
        return name

    def _kinds(self) -> dict[str, Callable[[], None]]:
        kinds: dict[str, Callable[[], None]] = {DATABASE_LOCKED: self._lock_database}
        for target in self.targets:
            kinds[f"kill -9 {target.name}"] = partial(self._kill, target)
            kinds[f"freeze {target.name}"] = partial(self._freeze, target)
            if target.stop is not None:
                kinds[f"restart {target.name}"] = partial(self._restart, target)
        return kinds

    def _kill(self, target: Target) -> None:
        target.kill()
        time.sleep(self.random.uniform(*OUTAGE))
        target.restart()

    def _restart(self, target: Target) -> None:
        assert target.stop is not None
        target.stop()
        target.restart()

    def _freeze(self, target: Target) -> None:
        pids = target.pids()
        freeze(pids)
        try:
            time.sleep(self.random.uniform(*FREEZE))
        finally:
            thaw(pids)

    def _lock_database(self) -> None:
        """Hold the write lock of the whole database, or of the table of jobs."""
        seconds = self.random.uniform(*FREEZE)
        url = self.stack.environment.get("DATABASE_URL")
        if url is None:
            with contextlib.closing(sqlite3.connect(self.stack.home / "db.sqlite3", timeout=30)) as database:
                database.execute("BEGIN IMMEDIATE")
                time.sleep(seconds)
                database.rollback()
            return
        import psycopg

        with psycopg.connect(url.replace("postgres://", "postgresql://")) as database:
            database.execute("LOCK TABLE cases_prediction IN ACCESS EXCLUSIVE MODE")
            time.sleep(seconds)
            database.rollback()
