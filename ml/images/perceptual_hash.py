"""Perceptual hash of 255 bits (pHash, Zauner 2010) that recognises the same image in different files."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from ml.records import Grey

SAME_IMAGE: Final = (
    40  # of 255 bits; measured on chest radiographs: different patients differ in 62 bits or more
)
BITS: Final = 255
CROP_SIDES: Final = (1.0, 0.92, 0.85, 0.78, 0.7)  # fraction of the image side, in each direction
CROP_SOURCE_SIDE: Final = 128  # pixels of the square from which crops are cut


def perceptual_hash(grey: Grey) -> NDArray[np.bool_]:
    """Return 255 bits, (255,): the low DCT frequencies of the 64 x 64 thumbnail that exceed their median.

    `grey` is (height, width); only the order of its values matters, so any range will do.
    """
    thumbnail = cv2.resize(grey.astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA)
    low = dctn(thumbnail, norm="ortho")[:16, :16].ravel()[1:]
    bits: NDArray[np.bool_] = low > np.median(low)
    return bits


def crop_hashes(grey: Grey) -> NDArray[np.bool_]:
    """Return the hashes of 169 crops, (169, 255): sides of 70 to 100 %, at both edges and centred."""
    square = cv2.resize(
        grey.astype(np.float32), (CROP_SOURCE_SIDE, CROP_SOURCE_SIDE), interpolation=cv2.INTER_AREA
    )
    return np.stack([perceptual_hash(square[rows, columns]) for rows in _spans() for columns in _spans()])


def distances_to_crops(crops: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Return the bits in which each of (m, 255) hashes differs from the nearest crop hash, (m,)."""
    agreement = (_signs(crops) @ _signs(other).T).max(axis=0)
    nearest: NDArray[np.int_] = np.rint((BITS - agreement) / 2).astype(np.int_)
    return nearest


def distances(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Return the differing bits between (n, 255) and (m, 255) hashes, (n, m).

    The smallest count of three comparisons: unchanged, with inverted grey values, mirrored left to right.
    """
    a, b = _signs(first), _signs(second)
    agreement = np.maximum(np.abs(a @ b.T), a @ (b * _mirror_signs()).T)
    nearest: NDArray[np.int_] = np.rint((BITS - agreement) / 2).astype(np.int_)
    return nearest


def _spans() -> list[slice]:
    spans = []
    for share in CROP_SIDES:
        length = int(share * CROP_SOURCE_SIDE)
        for start in sorted({0, (CROP_SOURCE_SIDE - length) // 2, CROP_SOURCE_SIDE - length}):
            spans.append(slice(start, start + length))
    return spans


def _signs(hashes: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(hashes, np.float32(1), np.float32(-1))


def _mirror_signs() -> NDArray[np.float32]:
    # Mirroring changes the sign of the odd horizontal frequencies and keeps the even ones.
    signs = np.tile(np.where(np.arange(16) % 2, -1, 1), 16)[1:]
    return signs.astype(np.float32)
