"""Test-set radiographs with predictions and lung regions: the input of checks B3, B7, F, G and I."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph
from ml.metrics.statistics import Floats
from ml.records import Grey, LabelledImage
from ml.trust.batch_predictor import BatchPredictor, NetworkInputs, Squares
from ml.trust.predictions import Predictions

# Without a mask: two ellipses, as shares of the side: centre x, centre y, half width, half height.
ELLIPSES: Final = ((0.31, 0.46, 0.15, 0.31), (0.69, 0.46, 0.15, 0.31))
MASK_THRESHOLD: Final = 0.5

LungRegions = NDArray[np.bool_]  # (n, size, size)


@dataclass(frozen=True)
class EvaluationSet:
    """Radiographs, predictions and lung regions of one version's test set, all in the same order."""

    predictor: BatchPredictor
    inputs: NetworkInputs
    predictions: Predictions
    lungs: LungRegions
    mask_count: int  # radiographs with a lung mask; ellipses approximate the lungs of the others

    @property
    def radiographs(self) -> tuple[LabelledImage, ...]:
        """Return the readable radiographs."""
        return self.inputs.radiographs

    @property
    def squares(self) -> Squares:
        """Return the images as the network receives them, (n, size, size), 0 to 1."""
        return self.inputs.squares

    @property
    def target_index(self) -> int:
        """Return the index of the target among the classes."""
        return self.predictions.target_index

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of radiographs, predictions and lung regions."""
        digest = hashlib.sha256(self.predictions.fingerprint.encode())
        digest.update(np.ascontiguousarray(self.squares).tobytes() + np.packbits(self.lungs).tobytes())
        return digest.hexdigest()

    @property
    def lung_region_note(self) -> str:
        """Return a sentence about the origin of the lung regions."""
        if self.mask_count == len(self.radiographs):
            return "Lung regions are masks."
        missing = len(self.radiographs) - self.mask_count
        return (
            f"No mask for {missing} of {len(self.radiographs)} radiographs: two fixed ellipses approximate "
            "their lungs."
        )

    def scores(self, squares: Squares) -> Floats:
        """Return the target's probability for altered squares, (n,)."""
        return self.predictor.predict(self.inputs, squares).scores


def build_evaluation_set(
    predictor: BatchPredictor, radiographs: Sequence[LabelledImage], masks: Mapping[Path, Path]
) -> EvaluationSet:
    """Read radiographs and their lung masks, and predict."""
    inputs = predictor.load(radiographs)
    masks_or_none = [_lung_mask(predictor, masks.get(radiograph.path)) for radiograph in inputs.radiographs]
    side = predictor.manifest.preprocessing.size
    lungs = [ellipses(side) if mask is None else mask for mask in masks_or_none]
    stacked = np.stack(lungs) if lungs else np.empty((0, side, side), bool)
    mask_count = sum(mask is not None for mask in masks_or_none)
    return EvaluationSet(predictor, inputs, predictor.predict(inputs), stacked, mask_count)


def ellipses(side: int) -> NDArray[np.bool_]:
    """Return the two fixed ellipses in a square of `side` pixels."""
    region = np.zeros((side, side), np.uint8)
    for x, y, width, height in ELLIPSES:
        centre, axes = (round(x * side), round(y * side)), (round(width * side), round(height * side))
        cv2.ellipse(region, centre, axes, 0, 0, 360, 1, -1)
    return np.array(region, dtype=bool)


def _lung_mask(predictor: BatchPredictor, path: Path | None) -> NDArray[np.bool_] | None:
    """Return a mask cropped like its radiograph; None if it is missing, unreadable, empty or full."""
    if path is None:
        return None
    try:
        grey: Grey = decode_radiograph(path.read_bytes()).grey
    except (UnreadableImage, OSError):
        return None
    mask = np.array(predictor.crop(grey) > MASK_THRESHOLD, dtype=bool)
    return mask if mask.any() and not mask.all() else None
