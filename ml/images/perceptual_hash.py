"""Find radiographs that show the same picture although their files differ: the pHash-255 of guide check A3."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from ml.records import Grey

SAME_IMAGE: Final = 40  # of 255 bits; calibrated on chest radiographs, where different patients begin at 62
BITS: Final = 255
CROP_SIDES: Final = (1.0, 0.92, 0.85, 0.78, 0.7)  # of the radiograph's, in each direction
WORKING: Final = 128  # pixels a side from which crops are cut


def perceptual_hash(grey: Grey) -> NDArray[np.bool_]:
    """Describe a radiograph by 255 bits: the low frequencies of its 64 x 64 thumbnail against their median."""
    thumbnail = cv2.resize(grey.astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA)
    low = dctn(thumbnail, norm="ortho")[:16, :16].ravel()[1:]
    bits: NDArray[np.bool_] = low > np.median(low)
    return bits


def crops_of(grey: Grey) -> NDArray[np.bool_]:
    """Describe 169 crops of a radiograph, (169, 255): sides of 70 to 100 %, at either edge and in the middle."""
    radiograph = cv2.resize(grey.astype(np.float32), (WORKING, WORKING), interpolation=cv2.INTER_AREA)
    return np.stack([perceptual_hash(radiograph[rows, columns]) for rows in _spans() for columns in _spans()])


def distances_to_crops(crops: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Count differing bits between (m, 255) hashes and the nearest of a radiograph's crops, (m,)."""
    agreement = (_signs(crops) @ _signs(other).T).max(axis=0)
    nearest: NDArray[np.int_] = np.rint((BITS - agreement) / 2).astype(np.int_)
    return nearest


def distances(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Count differing bits between (n, 255) and (m, 255) hashes, at best of as is, inverted and mirrored."""
    a, b = _signs(one), _signs(other)
    agreement = np.maximum(np.abs(a @ b.T), a @ (b * _mirror()).T)
    nearest: NDArray[np.int_] = np.rint((BITS - agreement) / 2).astype(np.int_)
    return nearest


def _spans() -> list[slice]:
    spans = []
    for share in CROP_SIDES:
        length = int(share * WORKING)
        for start in sorted({0, (WORKING - length) // 2, WORKING - length}):
            spans.append(slice(start, start + length))
    return spans


def _signs(hashes: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(hashes, np.float32(1), np.float32(-1))


def _mirror() -> NDArray[np.float32]:
    # A mirrored picture has the odd horizontal frequencies with the other sign, the even ones unchanged.
    signs = np.tile(np.where(np.arange(16) % 2, -1, 1), 16)[1:]
    return signs.astype(np.float32)
