"""Conversion of a radiograph to the input of a network: square geometry, size and value scale."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.records import Frame, Grey, Preprocessing

CAFFE_MEANS: Final = np.array([103.939, 116.779, 123.68], np.float32)  # ImageNet means of blue, green, red


def prepare(grey: Grey, prep: Preprocessing) -> tuple[NDArray[np.float32], Frame]:
    """Return the input of the network, (size, size, channels), and its position on the radiograph."""
    square, frame = to_square(grey, prep)
    return scale_values(square, prep), frame


def to_square(grey: Grey, prep: Preprocessing) -> tuple[Grey, Frame]:
    """Return the radiograph cropped, padded or stretched to (size, size), 0 to 1, and its position."""
    height, width = grey.shape
    if prep.geometry == "stretch":
        region, top, left = grey, 0, 0
    elif prep.geometry == "letterbox":
        side = max(height, width)
        top, left = -((side - height) // 2), -((side - width) // 2)
        borders = (-top, side - height + top, -left, side - width + left)
        region = cv2.copyMakeBorder(grey, *borders, cv2.BORDER_CONSTANT, value=0)
    else:
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        region = grey[top : top + side, left : left + side]
    frame = Frame(height, width, float(top), float(left), float(region.shape[0]), float(region.shape[1]))
    return resize(region, (prep.size, prep.size)), frame


def resize(grey: Grey, shape: tuple[int, int]) -> Grey:
    """Return the image resized to (height, width): area average to shrink, bilinear to enlarge."""
    if grey.shape == shape:
        return grey
    shrinking = grey.shape[0] > shape[0] or grey.shape[1] > shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    resized: Grey = cv2.resize(grey, (shape[1], shape[0]), interpolation=method).astype(np.float32)
    return resized


def scale_values(square: Grey, prep: Preprocessing) -> NDArray[np.float32]:
    """Convert grey (size, size), 0 to 1, to the value scale of the network, (size, size, channels)."""
    if prep.scale == "caffe":
        scaled = (square * np.float32(255))[..., None]
        means = CAFFE_MEANS if prep.channels == 3 else CAFFE_MEANS.mean(keepdims=True)
        return np.ascontiguousarray(scaled - means)
    if prep.scale == "zscore":
        low, high = np.percentile(square, (0.5, 99.5))
        clipped = np.clip(square, low, high)
        square = (clipped - clipped.mean()) / (clipped.std() + np.float32(1e-6))
    return np.repeat(square[..., None], prep.channels, axis=2).astype(np.float32)
