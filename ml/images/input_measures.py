"""Measures of a radiograph as the input of a network: its greys, contrast and sharpness, not its finding."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from ml.images.quality import corner_excess
from ml.records import Grey

SIDE: Final = 256  # pixels of the longer side; a measure must not depend on the resolution of the file
MAX_SIDE: Final = 1024  # pixels; a larger image is subsampled first, because reducing it takes longest
BLUR: Final = 2.0  # pixels, standard deviation of the Gaussian that separates detail from shape
EPSILON: Final = 1e-6
DECIMALS: Final = 4


def input_measures(grey: Grey) -> dict[str, float]:
    """Return measures by name of an image (height, width), 0 black to 1 white.

    `grey_mean` is from 0 to 1, `contrast` the standard deviation of the greys, `sharpness` the standard
    deviation of details finer than two pixels as a share of it, and `corner_excess` the mean grey of the
    corners minus that of the spine, -1 to 1.
    """
    step = max(1, max(grey.shape) // MAX_SIDE)
    grey = np.ascontiguousarray(grey[::step, ::step])
    scale = SIDE / max(grey.shape)
    size = (max(1, round(scale * grey.shape[1])), max(1, round(scale * grey.shape[0])))
    reduced = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    contrast = float(reduced.std())
    detail = reduced - cv2.GaussianBlur(reduced, (0, 0), BLUR)
    measures = {
        "grey_mean": float(reduced.mean()),
        "contrast": contrast,
        "sharpness": float(detail.std()) / (contrast + EPSILON),
        "corner_excess": corner_excess(reduced),
    }
    return {name: round(value, DECIMALS) for name, value in measures.items()}
