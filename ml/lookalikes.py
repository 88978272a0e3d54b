"""Look at films before they are parted: which show the same picture, and which cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ml.dataset import LeftOut, Looks
from ml.duplicates import SAME, distances, picture_hash
from ml.imaging import read_film
from ml.records import LabelledFilm, UnreadableImage

BLOCK: Final = 512  # rows of the distance matrix held at once


def look_at(films: Sequence[LabelledFilm]) -> Looks:
    """Read every film and name the pairs at most SAME bits apart, as is, inverted or mirrored (guide A3)."""
    paths, hashes = [], []
    unreadable: list[LeftOut] = []
    for film in films:
        try:
            hashes.append(picture_hash(read_film(film.path.read_bytes()).grey))
            paths.append(film.path)
        except (UnreadableImage, OSError) as trouble:
            unreadable.append(LeftOut(film, getattr(trouble, "code", "unreadable")))
    if not paths:
        return Looks(unreadable=tuple(unreadable))
    every = np.stack(hashes)
    alike = [
        (paths[start + row], paths[column])
        for start in range(0, len(paths), BLOCK)
        for row, column in np.argwhere(distances(every[start : start + BLOCK], every) <= SAME)
        if column > start + row
    ]
    return Looks(tuple(alike), tuple(unreadable))
