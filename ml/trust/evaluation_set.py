"""Radiographs, answers and lungs side by side: what the checks B3, B7, G and I are asked of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.images.reading import read_radiograph
from ml.metrics.statistics import Floats
from ml.records import Grey, LabelledImage, UnreadableImage
from ml.trust.batch_predictor import BatchPredictor, Seen, Squares
from ml.trust.predictions import Predictions

# Where no mask is known: two ellipses, as shares of the side: centre x, centre y, half width, half height.
ELLIPSES: Final = ((0.31, 0.46, 0.15, 0.31), (0.69, 0.46, 0.15, 0.31))
HALF: Final = 0.5

LungRegions = NDArray[np.bool_]  # (n, size, size)


@dataclass(frozen=True)
class EvaluationSet:
    """One version's radiographs of the test part, in one order throughout."""

    reader: BatchPredictor
    seen: Seen
    answers: Predictions
    lungs: LungRegions
    masked: int  # radiographs whose lungs come from a mask; the others have ellipses

    @property
    def radiographs(self) -> tuple[LabelledImage, ...]:
        """Return the radiographs that could be read."""
        return self.seen.radiographs

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
        """Name radiographs, answers and lungs (SHA-256)."""
        digest = hashlib.sha256(self.answers.fingerprint.encode())
        digest.update(np.ascontiguousarray(self.squares).tobytes() + np.packbits(self.lungs).tobytes())
        return digest.hexdigest()

    @property
    def outline(self) -> str:
        """Say where the outline of the lungs comes from."""
        if self.masked == len(self.radiographs):
            return "Lungs as outlined by masks."
        drawn = len(self.radiographs) - self.masked
        return f"No mask for {drawn} of {len(self.radiographs)} radiographs: two fixed ellipses stand for their lungs."

    def scores(self, squares: Squares) -> Floats:
        """Return the target's probability for altered squares, (n,)."""
        return self.reader.answers(self.seen, squares).scores


def evaluation_set(
    reader: BatchPredictor, radiographs: Sequence[LabelledImage], masks: Mapping[Path, Path]
) -> EvaluationSet:
    """Read radiographs and their masks, and answer."""
    seen = reader.see(radiographs)
    found = [_mask(reader, masks.get(radiograph.path)) for radiograph in seen.radiographs]
    side = reader.manifest.preprocessing.size
    lungs = [ellipses(side) if mask is None else mask for mask in found]
    stacked = np.stack(lungs) if lungs else np.empty((0, side, side), bool)
    return EvaluationSet(reader, seen, reader.answers(seen), stacked, sum(mask is not None for mask in found))


def ellipses(side: int) -> NDArray[np.bool_]:
    """Draw the fixed pair of ellipses on a square of `side` pixels."""
    drawn = np.zeros((side, side), np.uint8)
    for x, y, width, height in ELLIPSES:
        centre, axes = (round(x * side), round(y * side)), (round(width * side), round(height * side))
        cv2.ellipse(drawn, centre, axes, 0, 0, 360, 1, -1)
    return np.array(drawn, dtype=bool)


def _mask(reader: BatchPredictor, path: Path | None) -> NDArray[np.bool_] | None:
    """Cut a mask as its radiograph is cut; a mask that cannot be read, or is empty, counts as none."""
    if path is None:
        return None
    try:
        grey: Grey = read_radiograph(path.read_bytes()).grey
    except (UnreadableImage, OSError):
        return None
    mask = np.array(reader.square(grey) > HALF, dtype=bool)
    return mask if mask.any() and not mask.all() else None
