"""Pairs of radiographs that show the same picture, also inverted, mirrored or turned (guide check A3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.images.perceptual_hash import SAME_IMAGE, distances, perceptual_hash
from ml.records import Grey

REVIEW: Final = 62  # of 255 bits: from SAME + 1 to here a person decides
BLOCK: Final = 512  # rows of the distance matrix held at once

Hashes = NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """Two radiographs, by their places, and how many of 255 bits of their pictures differ."""

    first: int
    second: int
    distance: int

    @property
    def same(self) -> bool:
        """Tell whether the two count as one picture."""
        return self.distance <= SAME_IMAGE


def turned_hashes(grey: Grey) -> Hashes:
    """Describe a radiograph as it is and turned by 90, 180 and 270 degrees: (4, 255) bits.

    The guide compares as is, inverted and mirrored. Turns are added, because a radiograph stored on its side is
    common; among the 1,124 radiographs of DarkCovidNet they bring no two patients nearer than the upright 56 bits.
    """
    small = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA)
    return np.stack([perceptual_hash(np.rot90(small, quarter)) for quarter in range(4)])


def near_pairs(hashes: Sequence[Hashes]) -> tuple[Pair, ...]:
    """Find the pairs of radiographs at most REVIEW bits apart, at best of all turns."""
    if not hashes:
        return ()
    stacked = np.stack(hashes, axis=1)  # (4, n, 255)
    return tuple(pair for start in range(0, len(hashes), BLOCK) for pair in _near_block(stacked, start))


def _near_block(stacked: Hashes, start: int) -> Iterator[Pair]:
    upright, rows = stacked[0], stacked[0, start : start + BLOCK]
    nearest = distances(rows, upright)
    for turned in stacked[1:]:
        np.minimum(nearest, distances(rows, turned), out=nearest)
    for row, column in np.argwhere(nearest <= REVIEW):
        if column > start + row:
            yield Pair(int(start + row), int(column), int(nearest[row, column]))
