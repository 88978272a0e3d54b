"""Search for near-duplicates: files that show the same image, whatever their encoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ml.datasets.exclusions import Exclusion, reason_of
from ml.datasets.image_groups import NearDuplicates
from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph
from ml.images.perceptual_hash import SAME_IMAGE, distances, perceptual_hash
from ml.records import LabelledImage

BLOCK: Final = 512  # rows of the distance matrix in memory at a time


def find_near_duplicates(radiographs: Sequence[LabelledImage]) -> NearDuplicates:
    """Decode every radiograph and return the pairs whose hashes differ in at most SAME_IMAGE bits.

    An image also matches its inverted and its mirrored version. Undecodable files are returned as
    `unreadable`.
    """
    paths, hashes = [], []
    unreadable: list[Exclusion] = []
    for radiograph in radiographs:
        try:
            hashes.append(perceptual_hash(decode_radiograph(radiograph.path.read_bytes()).grey))
            paths.append(radiograph.path)
        except (UnreadableImage, OSError) as error:
            unreadable.append(Exclusion(radiograph, reason_of(error)))
    if not paths:
        return NearDuplicates(unreadable=tuple(unreadable))
    all_hashes = np.stack(hashes)
    pairs = [
        (paths[start + row], paths[column])
        for start in range(0, len(paths), BLOCK)
        for row, column in np.argwhere(distances(all_hashes[start : start + BLOCK], all_hashes) <= SAME_IMAGE)
        if column > start + row
    ]
    return NearDuplicates(tuple(pairs), tuple(unreadable))
