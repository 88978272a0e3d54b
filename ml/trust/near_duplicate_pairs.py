"""Pairs of radiographs with the same image, also inverted, mirrored or rotated (check A3, docs/trust.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.images.perceptual_hash import SAME_IMAGE, distances, perceptual_hash
from ml.records import Grey

REVIEW: Final = 62  # of 255 bits: pairs from SAME_IMAGE + 1 to here need review
BLOCK: Final = 512  # rows of the distance matrix held at once

Hashes = NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """Indices of two radiographs and the number of differing bits of their 255-bit perceptual hashes."""

    first: int
    second: int
    distance: int

    @property
    def same(self) -> bool:
        """Return whether the pair counts as one image."""
        return self.distance <= SAME_IMAGE


def rotated_hashes(grey: Grey) -> Hashes:
    """Return the perceptual hashes of an image rotated by 0, 90, 180 and 270 degrees: (4, 255) bits.

    Each hash is compared as is, inverted and mirrored. Rotations are added because radiographs stored on
    their side are common. In DarkCovidNet (1,124 radiographs) they bring no two patients closer than 56 bits.
    """
    small = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA)
    return np.stack([perceptual_hash(np.rot90(small, quarter)) for quarter in range(4)])


def near_duplicate_pairs(hashes: Sequence[Hashes]) -> tuple[Pair, ...]:
    """Return the pairs of radiographs at most REVIEW bits apart in any rotation."""
    if not hashes:
        return ()
    stacked = np.stack(hashes, axis=1)  # (4, n, 255)
    return tuple(pair for start in range(0, len(hashes), BLOCK) for pair in _pairs_of_block(stacked, start))


def _pairs_of_block(stacked: Hashes, start: int) -> Iterator[Pair]:
    upright, rows = stacked[0], stacked[0, start : start + BLOCK]
    nearest = distances(rows, upright)
    for rotated in stacked[1:]:
        np.minimum(nearest, distances(rows, rotated), out=nearest)
    for row, column in np.argwhere(nearest <= REVIEW):
        if column > start + row:
            yield Pair(int(start + row), int(column), int(nearest[row, column]))
