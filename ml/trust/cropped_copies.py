"""Pairs of radiographs of which one shows a part of the other, which the hash of a whole image misses.

Two steps. The hash of one image is compared with those of 169 crops of the other: of 115,000 pairs of
different patients 0.03 % are at most 62 of 255 bits apart, of copies without 12 % of each side 97 %. A
candidate is confirmed by the normalised cross-correlation at the best position and scale: different patients
reached 0.950, copies with another gamma and JPEG quality 0.979 or more (docs/trust.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.images.perceptual_hash import crop_hashes, distances_to_crops, perceptual_hash
from ml.records import Grey
from ml.trust.near_duplicate_pairs import REVIEW

SAME_PART: Final = 0.96  # normalised cross-correlation
CLEARLY_OTHER: Final = 0.90  # of the coarse search, which ends here
FINE, COARSE = 128, 64  # sides in pixels
SMALLEST: Final = 0.7  # of the side that a crop keeps

Squares = NDArray[np.uint8]  # (n, 128, 128): whole images, squeezed into squares


def squeezed(grey: Grey) -> NDArray[np.uint8]:
    """Return a whole image of grey values from 0 to 1 as (128, 128) bytes, whatever its shape."""
    square = cv2.resize(grey, (FINE, FINE), interpolation=cv2.INTER_AREA)
    return np.rint(square * 255).astype(np.uint8)


def cropped_copies(squares: Squares, patients: NDArray[np.str_]) -> tuple[tuple[int, int], ...]:
    """Return the pairs (whole, part) of images of different patients."""
    if not len(squares):
        return ()
    hashes = np.stack([perceptual_hash(square) for square in squares])
    return tuple(
        (whole, part)
        for whole, part in _candidates(squares, hashes, patients)
        if shows_part(squares[whole], squares[part])
    )


def _candidates(
    squares: Squares, hashes: NDArray[np.bool_], patients: NDArray[np.str_]
) -> Iterator[tuple[int, int]]:
    for whole, square in enumerate(squares):
        near = distances_to_crops(crop_hashes(square), hashes) <= REVIEW
        for part in np.flatnonzero(near & (patients != patients[whole])):
            yield whole, int(part)


def shows_part(whole: NDArray[np.uint8], part: NDArray[np.uint8]) -> bool:
    """Return whether an image shows a part of another that has at least 70 % of its sides."""
    if _best_match(whole, part, COARSE, step=2) < CLEARLY_OTHER:
        return False
    return _best_match(whole, part, FINE, step=2) >= SAME_PART


def _best_match(whole: NDArray[np.uint8], part: NDArray[np.uint8], side: int, *, step: int) -> float:
    """Return the highest correlation of the part, at all scales, anywhere in the whole image."""
    reference = cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA)
    sides = range(round(SMALLEST * side), side + 1, step)
    reach = round(0.08 * side)  # a crop rarely keeps the same share of both sides
    best = -1.0
    for height in sides:
        for width in range(max(sides[0], height - reach), min(side, height + reach) + 1, 2 * step):
            template = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
            found = cv2.matchTemplate(reference, template, cv2.TM_CCOEFF_NORMED)
            best = max(best, float(found.max()))
    return best
