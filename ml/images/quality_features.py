"""Features of the quality detector: what kind of picture an image is, without its finding.

Histograms of oriented gradients after Dalal and Triggs (2005, doi:10.1109/CVPR.2005.177).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.records import Grey

SIDE: Final = 64  # pixels of the square that an image is reduced to
CELLS: Final = 8  # cells on each side
BINS: Final = 9  # orientations of 20 degrees
THUMBNAIL: Final = 16  # pixels on each side
GREYS: Final = 16  # bins of the histogram
EPSILON: Final = 1e-6

Vector = NDArray[np.float32]


def features_of(grey: Grey) -> Vector:
    """Return the features (width,) of an image (height, width), 0 black to 1 white."""
    square = cv2.resize(grey, (4 * SIDE, 4 * SIDE), interpolation=cv2.INTER_AREA)
    small = cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    standard = (small - small.mean()) / (small.std() + EPSILON)
    parts = (_gradients(standard), _thumbnail(standard), _histogram(square), _shape(grey, square, standard))
    features: Vector = np.concatenate(parts).astype(np.float32)
    return features


def _gradients(standard: Grey) -> Vector:
    """Return for each cell the share of each orientation, normalised by the energy around the cell."""
    down, right = np.gradient(standard)
    size = np.hypot(down, right)
    bins = (np.mod(np.arctan2(down, right), np.pi) / np.pi * BINS).astype(int) % BINS
    by_bin = np.stack([np.where(bins == each, size, 0) for each in range(BINS)])
    cell = SIDE // CELLS
    cells = by_bin.reshape(BINS, CELLS, cell, CELLS, cell).sum(axis=(2, 4))
    energy = cv2.blur((cells**2).sum(axis=0), (3, 3), borderType=cv2.BORDER_REPLICATE)
    return (cells / np.sqrt(energy + cell)).ravel()


def _thumbnail(standard: Grey) -> Vector:
    return cv2.resize(standard, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).ravel()


def _histogram(square: Grey) -> Vector:
    counts, _ = np.histogram(square, bins=GREYS, range=(0, 1))
    return np.sqrt(counts / square.size)


def _shape(grey: Grey, square: Grey, standard: Grey) -> Vector:
    """Return aspect, contrast, symmetry, flatness of the greys, and how fine the structure is."""
    counts, _ = np.histogram(square, bins=256, range=(0, 1))
    detail = square - cv2.GaussianBlur(square, (0, 0), 2)
    flat = np.abs(np.diff(square, axis=1)) < 1 / 512
    return np.array(
        [
            np.log(grey.shape[0] / grey.shape[1]),
            square.mean(),
            square.std(),
            (standard * standard[:, ::-1]).mean(),
            (standard * standard[::-1]).mean(),
            np.sqrt(counts.max() / square.size),
            np.sqrt(counts[0] / square.size),
            np.sqrt(counts[-1] / square.size),
            np.log(detail.std() / (square.std() + EPSILON) + EPSILON),
            flat.mean(),
        ]
    )
