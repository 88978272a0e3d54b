"""Encoding of pixels as PNG, in 8 or 16 bits."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.images.preprocessing import resize
from ml.records import DecodedRadiograph, Grey


def display_png(radiograph: DecodedRadiograph, longest: int = 2048) -> bytes:
    """Return an 8-bit grey PNG of a radiograph, reduced to at most `longest` pixels on its longer side."""
    scale = min(1.0, longest / max(radiograph.height, radiograph.width))
    shape = (max(1, round(radiograph.height * scale)), max(1, round(radiograph.width * scale)))
    return encode_png(np.rint(resize(radiograph.grey, shape) * 255).astype(np.uint8))


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG of 8-bit pixels: (h, w) grey, (h, w, 3) RGB or (h, w, 4) RGBA."""
    if pixels.ndim == 3:
        order = [2, 1, 0, 3][: pixels.shape[2]]  # OpenCV expects blue, green, red
        pixels = np.ascontiguousarray(pixels[..., order])
    _, encoded = cv2.imencode(".png", pixels)
    return bytes(encoded)


def to_16_bit(grey: Grey) -> NDArray[np.uint16]:
    """Round grey values from 0 to 1 to integers from 0 to 65535, same shape."""
    return np.rint(np.clip(grey, 0, 1) * np.float32(65535)).astype(np.uint16)
