"""The decoding server process of this process: started ahead or on first use, and after an exit or a fork."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


class DecodingServerProcess:
    """A child process that runs `ml.images.decoding_server`, and the socket to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None before the first request."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start the server, unless it runs, so that the first request finds it ready."""
        with self._lock:
            if not self._runs():
                self._start()

    def send(self, request: bytes, descriptors: list[int]) -> None:
        """Send a request with its file descriptors."""
        with self._lock:
            if not self._runs():
                self._start()
            assert self._socket is not None
            try:
                socket.send_fds(self._socket, [request], descriptors)
            except (BrokenPipeError, ConnectionError):  # the server ended after the check above
                self._start()
                socket.send_fds(self._socket, [request], descriptors)

    def detach(self) -> None:
        """Release a server that belongs to the parent of this forked process."""
        if self._socket is not None:
            self._socket.close()  # the server ends with its owner, whatever the owner's forks do
        if self._child is not None:
            self._child.returncode = 0  # only the parent may wait for it

    def stop(self) -> None:
        """Close the socket, which ends the server, and wait for its exit."""
        if self._socket is not None:
            self._socket.close()
        if self._child is not None and self._owner == os.getpid():
            self._child.wait()
        self._socket, self._child = None, None

    def _runs(self) -> bool:
        return self._owner == os.getpid() and self._child is not None and self._child.poll() is None

    def _start(self) -> None:
        if self._owner == os.getpid():
            self.stop()
        parent_end, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with child_end:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "ml.images.decoding_server"],
                cwd=ROOT,
                env={"PATH": os.defpath, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"},  # no secrets
                stdin=child_end.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # not stopped by Ctrl-C; it ends when the socket closes
            )
        self._socket, self._owner = parent_end, os.getpid()


server = DecodingServerProcess()
atexit.register(lambda: server.stop())  # the current one, also after a fork


def _after_fork() -> None:
    # Another thread may have held the lock during the fork; the server stays with the parent.
    global server
    server.detach()
    server = DecodingServerProcess()


os.register_at_fork(after_in_child=_after_fork)
