"""What a radiograph may measure; checked from its header, before a pixel is decoded."""

from __future__ import annotations

from typing import Final

from ml.records import UnreadableImage

LARGEST_FILE: Final = 64 * 1024 * 1024  # bytes
MOST_PIXELS: Final = 40_000_000
LONGEST_SIDE: Final = 10_000
SHORTEST_SIDE: Final = 64


def check_size(height: int, width: int) -> None:
    """Refuse an image by its header; raises UnreadableImage."""
    if height * width > MOST_PIXELS or max(height, width) > LONGEST_SIDE:
        raise UnreadableImage("too_many_pixels", "This image has too many pixels.")
    if min(height, width) < SHORTEST_SIDE:
        raise UnreadableImage("too_small", f"This image is smaller than {SHORTEST_SIDE} pixels.")
