"""Supervisor of the processes of one host: starts, restarts and stops them."""

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

STOP_TIMEOUT = 12.0  # seconds from SIGTERM to SIGKILL
MAX_RESTART_DELAY = 30.0  # seconds
STABLE_AFTER = 60.0  # seconds of running after which the restart delay begins anew
PR_SET_PDEATHSIG = 1

PrintLine = Callable[[str, str], None]  # (process name, line)


class SupervisedProcess:
    """One process with its restart delay and its unfinished line of output."""

    def __init__(self, definition: Process) -> None:
        self.definition = definition
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.start_at: float | None = 0.0  # the next start; None while the process runs
        self.crashes = 0
        self.partial_line = b""

    def start(self, now: float) -> IO[bytes]:
        """Start the process and return its output; its own session shields it from Ctrl-C."""
        self.process = subprocess.Popen(
            self.definition.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | self.definition.environment,
            start_new_session=True,
            preexec_fn=_request_parent_death_signal,
        )
        self.started_at, self.start_at = now, None
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        return self.process.stdout

    def exit_code(self) -> int | None:
        """Return the exit code of a process that ended unexpectedly, else None."""
        if self.process is None or self.start_at is not None:
            return None
        return self.process.poll()

    def schedule_restart(self, now: float) -> float:
        """Schedule the next start and return its delay in seconds: 1, 2, 4, up to 30."""
        self.crashes = 1 if now - self.started_at > STABLE_AFTER else self.crashes + 1
        delay = min(MAX_RESTART_DELAY, 2.0 ** (self.crashes - 1))
        self.start_at = now + delay
        return delay

    def signal(self, number: int) -> None:
        """Send a signal to the process if it runs."""
        if self.process is not None and self.is_running():
            self.process.send_signal(number)

    def is_running(self) -> bool:
        """Return whether the process has started and not ended."""
        return self.process is not None and self.process.poll() is None

    def kill_group(self) -> None:
        """Kill the process and its children, whatever remains of them."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Supervisor:
    """Starts the processes, restarts crashed ones, prints their output and stops all of them."""

    def __init__(self, definitions: Sequence[Process], *, print_line: PrintLine) -> None:
        self._processes = [SupervisedProcess(definition) for definition in definitions]
        self._print_line = print_line
        self._selector = selectors.DefaultSelector()
        self._stopping = False

    def run(self, *, after_each_poll: Callable[[], Any] = lambda: None) -> None:
        """Supervise until SIGINT or SIGTERM, then stop all processes."""
        stop_signals = (signal.SIGINT, signal.SIGTERM)
        previous = {number: signal.signal(number, self._request_stop) for number in stop_signals}
        try:
            while not self._stopping:
                self._start_due(time.monotonic())
                self._print_output(0.2)
                self._restart_crashed(time.monotonic())
                after_each_poll()
        finally:
            self._stop()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _request_stop(self, number: int, frame: object) -> None:
        if self._stopping:  # a second signal: stop at once
            for process in self._processes:
                process.signal(signal.SIGKILL)
        self._stopping = True

    def _start_due(self, now: float) -> None:
        for process in self._processes:
            if process.start_at is not None and now >= process.start_at:
                self._selector.register(process.start(now), selectors.EVENT_READ, process)

    def _print_output(self, seconds: float) -> None:
        for key, _ in self._selector.select(timeout=seconds):
            assert not isinstance(key.fileobj, int)
            self._print_lines_of(key.data, key.fileobj)

    def _print_lines_of(self, process: SupervisedProcess, pipe: Any) -> None:
        output = pipe.read(65536) or b""
        if not output:  # closed by its last writer
            self._selector.unregister(pipe)
            pipe.close()
        *lines, rest = (process.partial_line + output).split(b"\n")
        if not output and rest:
            lines, rest = [*lines, rest], b""
        process.partial_line = rest
        for line in lines:
            self._print_line(process.definition.name, line.decode(errors="replace"))

    def _restart_crashed(self, now: float) -> None:
        for process in self._processes:
            code = process.exit_code()
            if code is not None:
                process.kill_group()  # a child of the old worker must not compute beside the new worker
                delay = process.schedule_restart(now)
                name, reason = process.definition.name, _exit_reason(code)
                self._print_line(name, f"exited with {reason}; restarting in {delay:.0f} s")

    def _stop(self) -> None:
        """Send SIGTERM, print the remaining output, and kill what still runs after STOP_TIMEOUT."""
        for process in self._processes:
            process.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT
        while time.monotonic() < deadline and any(process.is_running() for process in self._processes):
            self._print_output(0.1)
        for process in self._processes:
            process.kill_group()
        self._print_output(0)
        self._selector.close()


def _exit_reason(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


_LIBC = _libc()  # loaded before the fork, because loading after it is unsafe


def _request_parent_death_signal() -> None:
    """Let the kernel send SIGTERM to this process when the supervisor dies, even by SIGKILL."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
