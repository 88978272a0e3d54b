"""Decoding server: forks a child process for each request, which decodes one file under limits and exits."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
from typing import Any, Final, NoReturn

import cv2

from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph, to_16_bit
from ml.images.full_depth import pack, read_full_depth

DESCRIPTORS: Final = 3  # input file, pixels, reply
MAX_REQUEST: Final = 4096  # bytes


def serve(connection: socket.socket) -> None:
    """Fork a decoding child for each request until the connection closes."""
    cv2.setNumThreads(1)  # threads do not survive a fork
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps exited children
    while True:
        request, descriptors, _flags, _address = socket.recv_fds(connection, MAX_REQUEST, DESCRIPTORS)
        if not request:
            return
        if os.fork() == 0:
            connection.close()
            _decode(json.loads(request), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _decode(request: dict[str, Any], file: int, pixels: int, reply: int) -> NoReturn:
    """Decode one file, write its pixels and the reply, and exit without the cleanup of the interpreter."""
    try:
        _set_limits(float(request["seconds"]), int(request["memory_bytes"]))
        result = _result(file, pixels, request["output"])
        os.write(reply, json.dumps(result).encode())
    finally:
        # Also after an exception: the parent reports an empty reply as decoder_crashed.
        os._exit(0)


def _set_limits(seconds: float, memory_bytes: int) -> None:
    # The default action of SIGALRM ends the process, even inside a C decoder.
    signal.setitimer(signal.ITIMER_REAL, seconds)
    cpu_seconds = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would contain the radiograph


def _result(file: int, pixels: int, output: str) -> dict[str, Any]:
    try:
        content = os.pread(file, os.fstat(file).st_size, 0)
        return _full_depth(content, pixels) if output == "full-depth" else _radiograph(content, pixels)
    except UnreadableImage as error:
        return {"code": error.code, "message": str(error)}
    except MemoryError:
        return {"code": "decoder_memory"}


def _radiograph(content: bytes, pixels: int) -> dict[str, Any]:
    radiograph = decode_radiograph(content)
    _write(pixels, to_16_bit(radiograph.grey).astype("<u2", copy=False).data.cast("B"))
    return {
        "shape": radiograph.grey.shape,
        "bits": radiograph.bits,
        "source_format": radiograph.source_format,
        "pixel_sha256": radiograph.pixel_sha256,
        "view": radiograph.view,
        "sex": radiograph.sex,
        "age": radiograph.age,
        "study_at": radiograph.study_at.isoformat() if radiograph.study_at else None,
        "colour": radiograph.colour,
    }


def _full_depth(content: bytes, pixels: int) -> dict[str, Any]:
    packed = pack(read_full_depth(content))
    _write(pixels, memoryview(packed))
    return {"bytes": len(packed)}


def _write(descriptor: int, view: memoryview) -> None:
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    serve(socket.socket(fileno=0))
