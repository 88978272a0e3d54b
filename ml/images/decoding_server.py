"""Decoding server: forks a child process for each request, which decodes one file under limits and exits."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import cv2
from PIL import Image

from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph
from ml.images.dicom_header import read_header
from ml.images.dicom_header_json import header_to_json
from ml.images.file_format import detect_format
from ml.images.full_depth import pack, read_full_depth
from ml.images.png import to_16_bit

DESCRIPTORS: Final = 4  # reply, input file, pixels, and the slot if there is one
MAX_REQUEST: Final = 4096  # bytes
MAX_WARNINGS: Final = 65536  # bytes that are searched
# What libjpeg, also inside GDCM, prints when pixels are missing or invented.
DAMAGE_WARNINGS: Final = (b"Corrupt JPEG data", b"Premature end of JPEG file", b"Inconsistent progression")


@dataclass(frozen=True)
class _Child:
    pid: int
    kept: tuple[int, ...]  # descriptors of the reply and the slot, open until the child has exited


def serve(connection: socket.socket) -> None:
    """Fork a decoding child for each request until the connection closes."""
    cv2.setNumThreads(1)  # threads do not survive a fork
    Image.preinit()  # imports the plugins of Pillow once, not in each child
    children: dict[int, _Child] = {}  # by the descriptor of the process
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in children:
                poll.unregister(descriptor)
                _report(children.pop(descriptor))
                os.close(descriptor)
                continue
            request, descriptors, _flags, _address = socket.recv_fds(connection, MAX_REQUEST, DESCRIPTORS)
            if not request:
                return
            process, child = _fork(connection, request, descriptors, children)
            children[process] = child
            poll.register(process, select.POLLIN)


def _fork(
    connection: socket.socket, request: bytes, descriptors: list[int], children: dict[int, _Child]
) -> tuple[int, _Child]:
    """Start a child; return the descriptor of its process and what to close after its exit."""
    reply, file, pixels, *slot = descriptors
    pid = os.fork()
    if pid == 0:
        connection.close()
        for process, other in children.items():  # their slots and pipes must not stay open in this child
            for descriptor in (process, *other.kept):
                os.close(descriptor)
        _decode(json.loads(request), file, pixels, reply)
    os.close(file)
    os.close(pixels)
    return os.pidfd_open(pid), _Child(pid, (reply, *slot))


def _report(child: _Child) -> None:
    """Write the signal that ended an exited child as its reply, and close its descriptors."""
    _pid, status = os.waitpid(child.pid, 0)
    if os.WIFSIGNALED(status):
        with suppress(BrokenPipeError):  # nobody waits for it any more
            os.write(child.kept[0], json.dumps({"signal": os.WTERMSIG(status)}).encode() + b"\n")
    for descriptor in child.kept:
        os.close(descriptor)


def _decode(request: dict[str, Any], file: int, pixels: int, reply: int) -> NoReturn:
    """Decode one file, write its pixels and the reply, and exit without the cleanup of the interpreter."""
    try:
        _set_limits(request)
        os.write(reply, json.dumps(_result(file, pixels, request["output"])).encode() + b"\n")
    finally:
        os._exit(0)


def _set_limits(request: dict[str, Any]) -> None:
    # The default actions of SIGALRM and SIGXCPU end the process, even inside a C decoder.
    signal.setitimer(signal.ITIMER_REAL, float(request["wall_seconds"]))
    cpu_seconds, memory_bytes = int(request["cpu_seconds"]), int(request["memory_bytes"])
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would contain the radiograph


def _result(file: int, pixels: int, output: str) -> dict[str, Any]:
    warnings = os.memfd_create("warnings")
    os.dup2(warnings, 2)
    try:
        content = os.pread(file, os.fstat(file).st_size, 0)
        result = OUTPUTS[output](content, pixels)
    except UnreadableImage as error:
        return {"code": error.code, "message": str(error)}
    except MemoryError:
        return {"code": "decoder_memory"}
    except Exception as error:
        return {"code": "decoder_crashed", "cause": _place_of(error)}
    if any(warning in os.pread(warnings, MAX_WARNINGS, 0) for warning in DAMAGE_WARNINGS):
        return {"code": "damaged", "message": "This file is damaged and cannot be decoded."}
    return result


def _place_of(error: Exception) -> str:
    """Return type and place of an error; its message may quote the file, which names the patient."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"


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
        "header": header_to_json(radiograph.header),
    }


def _header(content: bytes, _pixels: int) -> dict[str, Any]:
    is_dicom = detect_format(content) == "DICOM"
    return {"header": header_to_json(read_header(content) if is_dicom else None)}


def _full_depth(content: bytes, pixels: int) -> dict[str, Any]:
    packed = pack(read_full_depth(content))
    _write(pixels, memoryview(packed))
    return {"bytes": len(packed)}


def _write(descriptor: int, view: memoryview) -> None:
    while view:
        view = view[os.write(descriptor, view) :]


OUTPUTS: Final[dict[str, Callable[[bytes, int], dict[str, Any]]]] = {
    "radiograph": _radiograph,
    "full-depth": _full_depth,
    "header": _header,
}


if __name__ == "__main__":
    serve(socket.socket(fileno=0))
