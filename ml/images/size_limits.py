"""What a radiograph may measure; checked from its header, before a pixel is decoded."""

from __future__ import annotations

from typing import Final

from ml.records import UnreadableImage

MAX_FILE_BYTES: Final = 64 * 1024 * 1024  # bytes
MAX_PIXELS: Final = 40_000_000
MAX_SIDE: Final = 10_000
MIN_SIDE: Final = 64


def check_size(height: int, width: int) -> None:
    """Refuse an image by its header; raises UnreadableImage."""
    if height * width > MAX_PIXELS or max(height, width) > MAX_SIDE:
        raise UnreadableImage("too_many_pixels", "This image has too many pixels.")
    if min(height, width) < MIN_SIDE:
        raise UnreadableImage("too_small", f"This image is smaller than {MIN_SIDE} pixels.")
