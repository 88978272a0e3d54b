"""Thumbnails of radiographs for lists."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

LONGEST: Final = 96  # pixels: 48 on the page, twice that for dense screens
QUALITY: Final = [cv2.IMWRITE_JPEG_QUALITY, 80]


def jpeg_of(png: bytes) -> bytes:
    """Return a JPEG of an 8-bit grey PNG, at most LONGEST pixels on its longer side; raises ValueError."""
    pixels = cv2.imdecode(np.frombuffer(png, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise ValueError("not a PNG")
    height, width = pixels.shape
    scale = min(1.0, LONGEST / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    _, encoded = cv2.imencode(".jpg", cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), QUALITY)
    return bytes(encoded)
