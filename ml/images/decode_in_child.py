"""Decoding of uploads in a child process with limited time and memory; a crash there becomes an error code.

C decoders of DICOM abort or hang on some damaged files. A small server process (`ml.images.decoding_server`)
keeps the imports loaded and forks a child for each radiograph, which takes about ten milliseconds. A
`multiprocessing` forkserver does not serve here: it inherits the whole environment, imports the caller's main
module again in each child, and cannot be started in the daemonic workers of Celery. The file and its pixels
pass through anonymous memory files (memfd) and are never written to a disk.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from ml.errors import UnreadableImage
from ml.images import decoding_server_process
from ml.images.decoding_slots import held_slot
from ml.images.dicom_header_json import header_from_json
from ml.images.file_format import detect_format
from ml.records import DecodedRadiograph, DicomHeader

GRACE: Final = 5.0  # seconds after the child's own alarm until the parent stops to wait
ATTEMPTS: Final = 2  # a child that was killed, for example for want of memory, is no proof against the file
MAX_REPLY: Final = 65536  # bytes
MESSAGES: Final = {
    "decoder_crashed": "This file is damaged: the decoder failed.",
    "decoder_timeout": "This file took too long to decode.",
    "decoder_memory": "This file needs too much memory to decode.",
}
TIME_SIGNALS: Final = frozenset({signal.SIGXCPU, signal.SIGALRM})


@dataclass(frozen=True)
class Limits:
    """The limits of a decoding child: processor time, wall-clock time and address space."""

    cpu_seconds: int = 15
    wall_seconds: float = 600.0  # ends a child that waits for ever; a busy host alone does not reach it
    memory_bytes: int = 1_500_000_000


PACKING: Final = Limits(cpu_seconds=30)
DECODING: Final = Limits()


def decode_radiograph_in_child(data: bytes, *, limits: Limits = DECODING) -> DecodedRadiograph:
    """Decode a file in a child process; raises UnreadableImage, also if that process crashes."""
    with _reply(data, "radiograph", limits) as (reply, pixels):
        return _radiograph(reply, pixels)


def read_header_in_child(data: bytes, *, limits: Limits = DECODING) -> DicomHeader | None:
    """Read the header of a DICOM file in a child process; None for PNG and JPEG; raises UnreadableImage.

    The data may end before the pixel data, so that a header can be read while a file still arrives.
    """
    with _reply(data, "header", limits) as (reply, _pixels):
        return header_from_json(reply["header"])


def pack_full_depth_in_child(data: bytes, *, limits: Limits = PACKING) -> bytes:
    """Return `full_depth.pack` of a file, computed in a child process; raises UnreadableImage."""
    with _reply(data, "full-depth", limits) as (reply, pixels):
        packed = bytearray(reply["bytes"])
        _fill(memoryview(packed), pixels)
        return bytes(packed)


@contextmanager
def _reply(data: bytes, output: str, limits: Limits) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the reply of a child process and the file descriptor of its pixels."""
    detect_format(data)
    slot = held_slot()  # the child keeps it open, so that the slot is in use while the child runs
    file, pixels = os.memfd_create("radiograph"), os.memfd_create("pixels")
    try:
        _write(file, data)
        request = json.dumps({"output": output, **asdict(limits)}).encode()
        descriptors = [file, pixels] if slot is None else [file, pixels, slot]
        yield _answer(request, descriptors, limits), pixels
    finally:
        os.close(file)
        os.close(pixels)


def _answer(request: bytes, descriptors: list[int], limits: Limits) -> dict[str, Any]:
    """Return the reply of a child; raises UnreadableImage, after a second attempt if the child was killed."""
    for _ in range(ATTEMPTS):
        reply = _ask(request, descriptors, limits)
        if "code" in reply:
            code = reply["code"]
            raise UnreadableImage(code, MESSAGES.get(code) or reply["message"], cause=reply.get("cause", ""))
        if reply.get("signal") in TIME_SIGNALS:
            raise _failure("decoder_timeout")
        if "signal" not in reply:
            return reply
        os.ftruncate(descriptors[1], 0)
    raise _failure("decoder_crashed", cause=f"signal {reply['signal']}")


def _ask(request: bytes, descriptors: list[int], limits: Limits) -> dict[str, Any]:
    """Send a request to the decoding server; return its reply, or {"signal": ...} of a child without one."""
    reply_end, child_end = os.pipe()
    try:
        try:
            decoding_server_process.server.send(request, [child_end, *descriptors])
        finally:
            os.close(child_end)  # so that the exit of the child is the end of file here
        until = time.monotonic() + limits.wall_seconds + GRACE
        line, newline, _ = _receive(reply_end, until=until).partition(b"\n")
        return dict(json.loads(line)) if newline else {"signal": signal.SIGKILL}
    except TimeoutError:
        return {"signal": signal.SIGALRM}
    finally:
        os.close(reply_end)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _receive(descriptor: int, *, until: float) -> bytes:
    """Read to the end of file, at most MAX_REPLY bytes; raises TimeoutError at `until`, monotonic seconds."""
    content = b""
    poll = select.poll()  # not select(): descriptors above 1023 are common in a busy web process
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    while len(content) <= MAX_REPLY:
        remaining = until - time.monotonic()
        if remaining <= 0 or not poll.poll(remaining * 1000):
            raise TimeoutError
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
        header=header_from_json(reply["header"]),
    )


def _fill(buffer: memoryview, pixels: int) -> None:
    offset = 0
    while offset < len(buffer):
        count = os.preadv(pixels, [buffer[offset:]], offset)
        if not count:
            raise _failure("decoder_crashed")
        offset += count


def _failure(code: str, *, cause: str = "") -> UnreadableImage:
    return UnreadableImage(code, MESSAGES[code], cause=cause)
