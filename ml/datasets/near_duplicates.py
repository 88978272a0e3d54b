"""Look at radiographs before they are parted: which show the same picture, and which cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ml.datasets.patient_split import Exclusion, NearDuplicates
from ml.images.perceptual_hash import SAME_IMAGE, distances, perceptual_hash
from ml.images.reading import read_radiograph
from ml.records import LabelledImage, UnreadableImage

BLOCK: Final = 512  # rows of the distance matrix held at once


def find_near_duplicates(radiographs: Sequence[LabelledImage]) -> NearDuplicates:
    """Read every radiograph and name the pairs at most SAME bits apart, as is, inverted or mirrored (guide A3)."""
    paths, hashes = [], []
    unreadable: list[Exclusion] = []
    for radiograph in radiographs:
        try:
            hashes.append(perceptual_hash(read_radiograph(radiograph.path.read_bytes()).grey))
            paths.append(radiograph.path)
        except (UnreadableImage, OSError) as trouble:
            unreadable.append(Exclusion(radiograph, getattr(trouble, "code", "unreadable")))
    if not paths:
        return NearDuplicates(unreadable=tuple(unreadable))
    every = np.stack(hashes)
    alike = [
        (paths[start + row], paths[column])
        for start in range(0, len(paths), BLOCK)
        for row, column in np.argwhere(distances(every[start : start + BLOCK], every) <= SAME_IMAGE)
        if column > start + row
    ]
    return NearDuplicates(tuple(alike), tuple(unreadable))
