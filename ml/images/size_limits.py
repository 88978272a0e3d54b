"""Size limits of an image, checked against its header before any pixel is decoded."""

from __future__ import annotations

from typing import Final

from ml.errors import UnreadableImage

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_PIXELS: Final = 40_000_000
MAX_SIDE: Final = 10_000  # pixels
MIN_SIDE: Final = 64  # pixels


def check_size(height: int, width: int) -> None:
    """Check the height and width in pixels; raises UnreadableImage outside the limits."""
    if height * width > MAX_PIXELS or max(height, width) > MAX_SIDE:
        raise UnreadableImage("too_many_pixels", "This image has too many pixels.")
    if min(height, width) < MIN_SIDE:
        raise UnreadableImage("too_small", f"This image is smaller than {MIN_SIDE} pixels.")
