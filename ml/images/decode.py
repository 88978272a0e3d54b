"""Decode uploads in a child process of limited time and memory: a crash there is an answer with a code.

C decoders of DICOM abort or hang on some damaged files. A small server process (`ml.decoding_child`) holds
the imports and forks once for each radiograph, about ten milliseconds each. It is no `multiprocessing` forkserver:
that one inherits the whole environment, imports the caller's main module again in each child, and is refused
inside Celery's daemonic workers. Radiograph and pixels travel through anonymous memory files, never through a disk.
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

from ml.images.reading import check_file
from ml.records import DecodedRadiograph, UnreadableImage

ROOT: Final = Path(__file__).resolve().parents[2]
GRACE: Final = 2.0  # seconds by which we outwait the child's own alarm
SLOTS: Final = threading.BoundedSemaphore(4)  # children of one process at one moment: bounds the memory
LONGEST_ANSWER: Final = 65536  # bytes
REASONS: Final = {
    "decoder_crashed": "This file is damaged: it made the decoder fail.",
    "decoder_timeout": "This file took too long to decode.",
    "decoder_memory": "This file needs too much memory to decode.",
}


class _Server:
    """The decoding server of this process; started on first use, again after a fork or its death."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def ask(self, limits: bytes, handles: list[int]) -> None:
        """Hand one request over: its limits, and the file handles of radiograph, pixels and answer."""
        with self._lock:
            if self._owner != os.getpid() or self._child is None or self._child.poll() is not None:
                self._start()
            assert self._line is not None
            try:
                socket.send_fds(self._line, [limits], handles)
            except (BrokenPipeError, ConnectionError):  # it died between the two lines above
                self._start()
                socket.send_fds(self._line, [limits], handles)

    def forget(self) -> None:
        """Let go of a server that belongs to the process we were forked from."""
        if self._line is not None:
            self._line.close()  # ours of two ends: it ends when its owner does, whatever its forks do
        if self._child is not None:
            self._child.returncode = 0  # not ours to wait for

    def stop(self) -> None:
        """Close the line, at which the server ends."""
        if self._line is not None:
            self._line.close()
        if self._child is not None and self._owner == os.getpid():
            self._child.wait()
        self._line, self._child = None, None

    def _start(self) -> None:
        if self._owner == os.getpid():
            self.stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "ml.images.decoding_child"],
                cwd=ROOT,
                env={"PATH": os.defpath, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"},  # no secret of ours
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us; it ends when our line closes
            )
        self._line, self._owner = ours, os.getpid()


_server = _Server()
atexit.register(lambda: _server.stop())  # the one there is by then, also after a fork


def _after_fork() -> None:
    # A fork may have happened while another thread held the lock; the parent's server stays the parent's.
    global _server
    _server.forget()
    _server = _Server()


os.register_at_fork(after_in_child=_after_fork)


def read_radiograph_in_child(
    data: bytes, *, seconds: float = 15, memory_bytes: int = 1_500_000_000
) -> DecodedRadiograph:
    """Decode a radiograph in a limited child process; raises UnreadableImage, also for a crash there."""
    with _decoded(data, "radiograph", seconds, memory_bytes) as (reply, pixels):
        return _radiograph(reply, pixels)


def pack_depth_in_child(data: bytes, *, seconds: float = 30, memory_bytes: int = 1_500_000_000) -> bytes:
    """Pack a radiograph's full depth for a viewer (ml.depth.pack) in such a child; raises UnreadableImage."""
    with _decoded(data, "depth", seconds, memory_bytes) as (reply, pixels):
        packed = bytearray(reply["bytes"])
        _fill(memoryview(packed), pixels)
        return bytes(packed)


@contextmanager
def _decoded(
    data: bytes, wanted: str, seconds: float, memory_bytes: int
) -> Iterator[tuple[dict[str, Any], int]]:
    """Give a child's reply and the handle of its pixels."""
    check_file(data)
    radiograph, pixels = os.memfd_create("radiograph"), os.memfd_create("pixels")
    answer, answer_end = os.pipe()
    try:
        _write(radiograph, data)
        limits = json.dumps({"wanted": wanted, "seconds": seconds, "memory_bytes": memory_bytes}).encode()
        with SLOTS:
            began = time.monotonic()
            _server.ask(limits, [radiograph, pixels, answer_end])
            os.close(answer_end)
            answer_end = -1  # from here the child alone holds it, so its end is our end of file
            reply = _listen(answer, until=began + seconds + GRACE)
        if not reply:
            late = time.monotonic() - began >= seconds
            raise _failure("decoder_timeout" if late else "decoder_crashed")
        told = json.loads(reply)
        if "code" in told:
            code = told["code"]
            raise _failure(code) if code in REASONS else UnreadableImage(code, told["message"])
        yield told, pixels
    finally:
        for handle in (radiograph, pixels, answer, answer_end):
            if handle >= 0:
                os.close(handle)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _listen(answer: int, *, until: float) -> bytes:
    heard = b""
    waiting = select.poll()  # not select(): handles above 1023 are usual in a busy web process
    waiting.register(answer, select.POLLIN | select.POLLHUP)
    while len(heard) <= LONGEST_ANSWER:
        left = until - time.monotonic()
        if left <= 0 or not waiting.poll(left * 1000):
            return b""
        piece = os.read(answer, LONGEST_ANSWER)
        if not piece:
            return heard
        heard += piece
    return b""


def _radiograph(reply: dict[str, Any], pixels: int) -> DecodedRadiograph:
    deep = np.empty(reply["shape"], "<u2")
    _fill(deep.data.cast("B"), pixels)
    return DecodedRadiograph(
        grey=deep.astype(np.float32) / np.float32(65535),
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
    at = 0
    while at < len(buffer):
        got = os.preadv(pixels, [buffer[at:]], at)
        if not got:
            raise _failure("decoder_crashed")
        at += got


def _failure(code: str) -> UnreadableImage:
    return UnreadableImage(code, REASONS[code])
