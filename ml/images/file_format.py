"""The format of a file, by its first bytes."""

from __future__ import annotations

from typing import Literal, TypeAlias

from ml.errors import UnreadableImage
from ml.images.size_limits import MAX_FILE_BYTES

FileFormat: TypeAlias = Literal["PNG", "JPEG", "DICOM"]


def detect_format(content: bytes) -> FileFormat:
    """Return the format of a file by its first bytes; raises UnreadableImage."""
    if not content:
        raise UnreadableImage("empty_file", "This file is empty.")
    if len(content) > MAX_FILE_BYTES:
        raise UnreadableImage("too_large", "This file is larger than 64 MB.")
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content[128:132] == b"DICM":
        return "DICOM"
    raise UnreadableImage("unknown_format", "This file is not a PNG, JPEG or DICOM image.")
