"""Verification of a PNG file: the checksum of every chunk, and compressed pixels that fill the image exactly.

Pillow and libpng decode a PNG with a wrong checksum or too few pixels in part and report no error.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from ml.errors import UnreadableImage

SIGNATURE_LENGTH: Final = 8
HEADER: Final = struct.Struct(">IIBBBBB")  # width, height, depth, colour type, compression, filter, interlace
SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by colour type
ADAM7: Final = (  # first column, first row, column step, row step of each pass
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
STEP: Final = 1_000_000  # bytes that are inflated at once


def check_png(content: bytes) -> None:
    """Check the chunks of a PNG file up to its end mark; raises UnreadableImage."""
    chunks = list(_chunks(content))
    kinds = [kind for kind, _ in chunks]
    if kinds[:1] != [b"IHDR"] or kinds[-1] != b"IEND":
        raise _damaged()
    expected = _inflated_length(*HEADER.unpack(chunks[0][1]))
    _check_inflation((data for kind, data in chunks if kind == b"IDAT"), expected)


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield kind and data of each chunk to IEND, whatever follows it; raises UnreadableImage."""
    view, at = memoryview(content), SIGNATURE_LENGTH
    while True:
        length = int.from_bytes(view[at : at + 4], "big")
        body, checksum = view[at + 4 : at + 8 + length], view[at + 8 + length : at + 12 + length]
        if len(checksum) != 4 or zlib.crc32(body) != int.from_bytes(checksum, "big"):
            raise _damaged()
        yield bytes(body[:4]), body[4:]
        if bytes(body[:4]) == b"IEND":
            return
        at += 12 + length


def _inflated_length(width: int, height: int, depth: int, colour: int, *rest: int) -> int:
    """Return the number of bytes of all rows, each with its filter byte."""
    bits = SAMPLES[colour] * depth
    is_interlaced = rest[-1] == 1
    total = 0
    for left, top, right, down in ADAM7 if is_interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _check_inflation(chunks: Iterable[memoryview], expected: int) -> None:
    """Check that the data inflate to that many bytes with a correct checksum; raises zlib.error."""
    inflater, total = zlib.decompressobj(), 0
    for chunk in chunks:
        pending: bytes | memoryview = chunk
        while pending and total <= expected:
            total += len(inflater.decompress(pending, STEP))
            pending = inflater.unconsumed_tail
    while not inflater.eof and total <= expected:
        rest = inflater.decompress(b"", STEP)
        if not rest:
            break
        total += len(rest)
    if total != expected or not inflater.eof or inflater.unused_data:
        raise _damaged()


def _damaged() -> UnreadableImage:
    return UnreadableImage("damaged", "This file is damaged and cannot be decoded.")
