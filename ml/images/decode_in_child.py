"""Decoding of uploads in a child process with limited time and memory; a crash there becomes an error code.

C decoders of DICOM abort or hang on some damaged files. A small server process (`ml.images.decoding_server`)
keeps the imports loaded and forks a child for each radiograph, which takes about ten milliseconds. A
`multiprocessing` forkserver does not serve here: it inherits the whole environment, imports the caller's main
module again in each child, and cannot be started in the daemonic workers of Celery. The file and its pixels
pass through anonymous memory files (memfd) and are never written to a disk.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from ml.errors import UnreadableImage
from ml.images.decoding import detect_format
from ml.records import DecodedRadiograph

ROOT: Final = Path(__file__).resolve().parents[2]
GRACE: Final = 2.0  # seconds after the child's own alarm until the parent stops to wait
SLOTS: Final = threading.BoundedSemaphore(4)  # simultaneous children of one process: bounds the memory
MAX_REPLY: Final = 65536  # bytes
MESSAGES: Final = {
    "decoder_crashed": "This file is damaged: the decoder failed.",
    "decoder_timeout": "This file took too long to decode.",
    "decoder_memory": "This file needs too much memory to decode.",
}


class _DecodingServer:
    """The decoding server of this process, started on first use and again after a fork or an exit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def send(self, request: bytes, descriptors: list[int]) -> None:
        """Send a request with the file descriptors of the input file, the pixels and the reply."""
        with self._lock:
            if self._owner != os.getpid() or self._child is None or self._child.poll() is not None:
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


_server = _DecodingServer()
atexit.register(lambda: _server.stop())  # the current one, also after a fork


def _after_fork() -> None:
    # Another thread may have held the lock during the fork; the server stays with the parent.
    global _server
    _server.detach()
    _server = _DecodingServer()


os.register_at_fork(after_in_child=_after_fork)


def decode_radiograph_in_child(
    data: bytes, *, seconds: float = 15, memory_bytes: int = 1_500_000_000
) -> DecodedRadiograph:
    """Decode a file in a child process; raises UnreadableImage, also if that process crashes.

    `seconds` limits wall and CPU time, `memory_bytes` the address space of the child.
    """
    with _reply(data, "radiograph", seconds, memory_bytes) as (reply, pixels):
        return _radiograph(reply, pixels)


def pack_full_depth_in_child(data: bytes, *, seconds: float = 30, memory_bytes: int = 1_500_000_000) -> bytes:
    """Return `full_depth.pack` of a file, computed in a child process; raises UnreadableImage."""
    with _reply(data, "full-depth", seconds, memory_bytes) as (reply, pixels):
        packed = bytearray(reply["bytes"])
        _fill(memoryview(packed), pixels)
        return bytes(packed)


@contextmanager
def _reply(
    data: bytes, output: str, seconds: float, memory_bytes: int
) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the reply of a child process and the file descriptor of its pixels."""
    detect_format(data)
    file, pixels = os.memfd_create("radiograph"), os.memfd_create("pixels")
    reply_end, child_end = os.pipe()
    try:
        _write(file, data)
        request = json.dumps({"output": output, "seconds": seconds, "memory_bytes": memory_bytes}).encode()
        with SLOTS:
            started = time.monotonic()
            _server.send(request, [file, pixels, child_end])
            os.close(child_end)
            child_end = -1  # now the child alone has it open, so its exit is the end of file here
            content = _receive(reply_end, until=started + seconds + GRACE)
        if not content:
            late = time.monotonic() - started >= seconds
            raise _failure("decoder_timeout" if late else "decoder_crashed")
        reply = json.loads(content)
        if "code" in reply:
            code = reply["code"]
            raise _failure(code) if code in MESSAGES else UnreadableImage(code, reply["message"])
        yield reply, pixels
    finally:
        for descriptor in (file, pixels, reply_end, child_end):
            if descriptor >= 0:
                os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _receive(descriptor: int, *, until: float) -> bytes:
    """Read to the end of file; empty after the time `until` (monotonic seconds) or for too long a reply."""
    content = b""
    poll = select.poll()  # not select(): descriptors above 1023 are common in a busy web process
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    while len(content) <= MAX_REPLY:
        remaining = until - time.monotonic()
        if remaining <= 0 or not poll.poll(remaining * 1000):
            return b""
        chunk = os.read(descriptor, MAX_REPLY)
        if not chunk:
            return content
        content += chunk
    return b""


def _radiograph(reply: dict[str, Any], pixels: int) -> DecodedRadiograph:
    stored = np.empty(reply["shape"], "<u2")
    _fill(stored.data.cast("B"), pixels)
    return DecodedRadiograph(
        grey=stored.astype(np.float32) / np.float32(65535),
        bits=reply["bits"],
        source_format=reply["source_format"],
        pixel_sha256=reply["pixel_sha256"],
        view=reply["view"],
        sex=reply["sex"],
        age=reply["age"],
        study_at=datetime.fromisoformat(reply["study_at"]) if reply["study_at"] else None,
        colour=reply["colour"],
    )


def _fill(buffer: memoryview, pixels: int) -> None:
    offset = 0
    while offset < len(buffer):
        count = os.preadv(pixels, [buffer[offset:]], offset)
        if not count:
            raise _failure("decoder_crashed")
        offset += count


def _failure(code: str) -> UnreadableImage:
    return UnreadableImage(code, MESSAGES[code])
