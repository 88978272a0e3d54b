"""Films, answers and lungs side by side: what the checks B3, B7, G and I are asked of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.imaging import read_film
from ml.records import Grey, LabelledFilm, UnreadableImage
from ml.statistics import Floats
from ml.trust.answers import Answers
from ml.trust.reader import Reader, Seen, Squares

# Where no mask is known: two ellipses, as shares of the side: centre x, centre y, half width, half height.
ELLIPSES: Final = ((0.31, 0.46, 0.15, 0.31), (0.69, 0.46, 0.15, 0.31))
HALF: Final = 0.5

Lungs = NDArray[np.bool_]  # (n, size, size)


@dataclass(frozen=True)
class Examined:
    """One version's films of the test part, in one order throughout."""

    reader: Reader
    seen: Seen
    answers: Answers
    lungs: Lungs
    masked: int  # films whose lungs come from a mask; the others have ellipses

    @property
    def films(self) -> tuple[LabelledFilm, ...]:
        """Return the films that could be read."""
        return self.seen.films

    @property
    def squares(self) -> Squares:
        """Return them as the network sees them, (n, size, size), 0 to 1."""
        return self.seen.squares

    @property
    def target(self) -> int:
        """Return the place of the target among the classes."""
        return self.answers.classes.index(self.answers.target)

    @property
    def fingerprint(self) -> str:
        """Name films, answers and lungs (SHA-256)."""
        digest = hashlib.sha256(self.answers.fingerprint.encode())
        digest.update(np.ascontiguousarray(self.squares).tobytes() + np.packbits(self.lungs).tobytes())
        return digest.hexdigest()

    @property
    def outline(self) -> str:
        """Say where the outline of the lungs comes from."""
        if self.masked == len(self.films):
            return "Lungs as outlined by masks."
        drawn = len(self.films) - self.masked
        return f"No mask for {drawn} of {len(self.films)} films: two fixed ellipses stand for their lungs."

    def scores(self, squares: Squares) -> Floats:
        """Return the target's probability for altered squares, (n,)."""
        return self.reader.answers(self.seen, squares).scores


def examine(reader: Reader, films: Sequence[LabelledFilm], masks: Mapping[Path, Path]) -> Examined:
    """Read films and their masks, and answer."""
    seen = reader.see(films)
    found = [_mask(reader, masks.get(film.path)) for film in seen.films]
    side = reader.manifest.preprocessing.size
    lungs = [ellipses(side) if mask is None else mask for mask in found]
    stacked = np.stack(lungs) if lungs else np.empty((0, side, side), bool)
    return Examined(reader, seen, reader.answers(seen), stacked, sum(mask is not None for mask in found))


def ellipses(side: int) -> NDArray[np.bool_]:
    """Draw the fixed pair of ellipses on a square of `side` pixels."""
    drawn = np.zeros((side, side), np.uint8)
    for x, y, width, height in ELLIPSES:
        centre, axes = (round(x * side), round(y * side)), (round(width * side), round(height * side))
        cv2.ellipse(drawn, centre, axes, 0, 0, 360, 1, -1)
    return np.array(drawn, dtype=bool)


def _mask(reader: Reader, path: Path | None) -> NDArray[np.bool_] | None:
    """Cut a mask as its film is cut; a mask that cannot be read, or is empty, counts as none."""
    if path is None:
        return None
    try:
        grey: Grey = read_film(path.read_bytes()).grey
    except (UnreadableImage, OSError):
        return None
    mask = np.array(reader.square(grey) > HALF, dtype=bool)
    return mask if mask.any() and not mask.all() else None
