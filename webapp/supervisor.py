"""Keeps the processes of one machine running, and leaves none behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import IO, Any

from webapp.processes import Process

GRACE = 12.0  # seconds from the polite request to the kill
LONGEST_PAUSE = 30.0
CALM = 60.0  # seconds after which a process counts as healthy again
PR_SET_PDEATHSIG = 1

Say = Callable[[str, str], None]  # (process name, line)


class Running:
    """One started part: its process, and how often it had to be started again."""

    def __init__(self, part: Process) -> None:
        self.part = part
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.start_at: float | None = 0.0  # when it is due, None while it runs
        self.falls = 0
        self.unfinished = b""

    def start(self, now: float) -> IO[bytes]:
        """Start the process in a session of its own, so that a Ctrl-C reaches it only through us."""
        self.process = subprocess.Popen(
            self.part.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | self.part.environment,
            start_new_session=True,
            preexec_fn=_end_with_the_supervisor,
        )
        self.started_at, self.start_at = now, None
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        return self.process.stdout

    def fell(self) -> int | None:
        """Give the exit code of a process that ended by itself, else None."""
        if self.process is None or self.start_at is not None:
            return None
        return self.process.poll()

    def pause(self, now: float) -> float:
        """Note a fall and give the seconds to wait before the next start: 1, 2, 4, up to 30."""
        self.falls = 1 if now - self.started_at > CALM else self.falls + 1
        wait = min(LONGEST_PAUSE, 2.0 ** (self.falls - 1))
        self.start_at = now + wait
        return wait

    def signal(self, number: int) -> None:
        """Tell the process."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def sweep(self) -> None:
        """Kill whatever is left of the process and of those it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Supervisor:
    """Starts the parts, starts fallen ones again, prints their lines, and ends them all."""

    def __init__(self, parts: Sequence[Process], *, say: Say) -> None:
        self._running = [Running(part) for part in parts]
        self._say = say
        self._selector = selectors.DefaultSelector()
        self._stopping = False

    def run(self, *, each_turn: Callable[[], Any] = lambda: None) -> None:
        """Work until a signal asks to stop."""
        before = {number: signal.signal(number, self._asked) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while not self._stopping:
                self._start_due(time.monotonic())
                self._print_lines(0.2)
                self._notice_falls(time.monotonic())
                each_turn()
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _asked(self, number: int, frame: object) -> None:
        if self._stopping:  # asked twice: somebody is in a hurry
            for running in self._running:
                running.signal(signal.SIGKILL)
        self._stopping = True

    def _start_due(self, now: float) -> None:
        for running in self._running:
            if running.start_at is not None and now >= running.start_at:
                self._selector.register(running.start(now), selectors.EVENT_READ, running)

    def _print_lines(self, seconds: float) -> None:
        for key, _ in self._selector.select(timeout=seconds):
            assert not isinstance(key.fileobj, int)
            self._print_of(key.data, key.fileobj)

    def _print_of(self, running: Running, pipe: Any) -> None:
        read = pipe.read(65536) or b""
        if not read:  # closed by its last writer
            self._selector.unregister(pipe)
            pipe.close()
        *lines, rest = (running.unfinished + read).split(b"\n")
        if not read and rest:
            lines, rest = [*lines, rest], b""
        running.unfinished = rest
        for line in lines:
            self._say(running.part.name, line.decode(errors="replace"))

    def _notice_falls(self, now: float) -> None:
        for running in self._running:
            code = running.fell()
            if code is not None:
                running.sweep()  # a worker's child must not compute on beside the new worker
                wait = running.pause(now)
                self._say(running.part.name, f"ended with {_word(code)}; starting again in {wait:.0f} s")

    def _stop(self) -> None:
        """Ask politely, keep printing, kill what stays beyond the grace."""
        for running in self._running:
            running.signal(signal.SIGTERM)
        until = time.monotonic() + GRACE
        while time.monotonic() < until and any(self._alive()):
            self._print_lines(0.1)
        for running in self._running:
            running.sweep()
        self._print_lines(0)
        self._selector.close()

    def _alive(self) -> list[Running]:
        return [r for r in self._running if r.process is not None and r.process.poll() is None]


def _word(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


_LIBC = _libc()  # before the fork: afterwards nothing may be loaded


def _end_with_the_supervisor() -> None:
    """Ask the kernel for a SIGTERM when the supervisor dies, even by kill -9."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
