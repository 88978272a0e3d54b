"""The decoding server: for each radiograph on its line it forks a child that decodes under limits and ends."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
from typing import Any, Final, NoReturn

import cv2

from ml.images.bit_depth import pack, read_bit_depth
from ml.images.reading import read_radiograph, to_16_bit
from ml.records import UnreadableImage

HANDLES: Final = 3  # radiograph, pixels, answer
LONGEST_REQUEST: Final = 4096  # bytes


def serve(line: socket.socket) -> None:
    """Fork a decoding child for each request until the line closes."""
    cv2.setNumThreads(1)  # threads do not survive a fork
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended children vanish by themselves
    while True:
        request, handles, _flags, _address = socket.recv_fds(line, LONGEST_REQUEST, HANDLES)
        if not request:
            return
        if os.fork() == 0:
            line.close()
            _decode(json.loads(request), *handles)
        for handle in handles:
            os.close(handle)


def _decode(limits: dict[str, Any], radiograph: int, pixels: int, answer: int) -> NoReturn:
    """Decode one radiograph, write pixels and answer, and end without any of Python's farewells."""
    try:
        _limit(float(limits["seconds"]), int(limits["memory_bytes"]))
        reply = _read(radiograph, pixels, limits["wanted"])
        os.write(answer, json.dumps(reply).encode())
    finally:
        # Also after an exception: no answer is an answer (decoder_crashed).
        os._exit(0)


def _limit(seconds: float, memory_bytes: int) -> None:
    # The kernel's default for SIGALRM ends the process, even in the middle of a C decoder.
    signal.setitimer(signal.ITIMER_REAL, seconds)
    whole = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would be a radiograph on the disk


def _read(radiograph: int, pixels: int, wanted: str) -> dict[str, Any]:
    try:
        content = os.pread(radiograph, os.fstat(radiograph).st_size, 0)
        return _depth(content, pixels) if wanted == "depth" else _radiograph(content, pixels)
    except UnreadableImage as refusal:
        return {"code": refusal.code, "message": str(refusal)}
    except MemoryError:
        return {"code": "decoder_memory"}


def _radiograph(content: bytes, pixels: int) -> dict[str, Any]:
    found = read_radiograph(content)
    _write(pixels, to_16_bit(found.grey).astype("<u2", copy=False).data.cast("B"))
    return {
        "shape": found.grey.shape,
        "bits": found.bits,
        "source_format": found.source_format,
        "pixel_sha256": found.pixel_sha256,
        "view": found.view,
        "sex": found.sex,
        "age": found.age,
        "study_at": found.study_at.isoformat() if found.study_at else None,
        "colour": found.colour,
    }


def _depth(content: bytes, pixels: int) -> dict[str, Any]:
    packed = pack(read_bit_depth(content))
    _write(pixels, memoryview(packed))
    return {"bytes": len(packed)}


def _write(handle: int, view: memoryview) -> None:
    while view:
        view = view[os.write(handle, view) :]


if __name__ == "__main__":
    serve(socket.socket(fileno=0))
