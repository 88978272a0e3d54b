"""Predictions of one model version for radiographs with a known finding: input of checks C, D, E and H."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ml.datasets.class_order import sort_classes
from ml.metrics.evaluation_result import FEW_BINS, MANY_BINS, SMALL_SAMPLE, TARGET
from ml.metrics.statistics import Floats, Truth
from ml.records import LabelledImage
from ml.trust.check import NotPossible

DEFAULT_OPERATING_POINT: Final = 0.5


@dataclass(frozen=True)
class Predictions:
    """Logits of one version for one part of the split; all arrays have the order of `radiographs`.

    `logits` is (n, classes), before temperature scaling. Every radiograph's label is one of `classes`.
    """

    version: str
    classes: tuple[str, ...]
    radiographs: tuple[LabelledImage, ...]
    logits: Floats
    temperature: float = 1.0
    operating_points: dict[str, float] = field(default_factory=dict)

    @property
    def probabilities(self) -> Floats:
        """Return calibrated probabilities, (n, classes); each row sums to 1."""
        probabilities: Floats = softmax(self.logits / self.temperature, axis=1)
        return probabilities

    @property
    def label_indices(self) -> NDArray[np.int_]:
        """Return the index of each radiograph's known finding in `classes`, (n,)."""
        return np.array(
            [self.classes.index(radiograph.label) for radiograph in self.radiographs], dtype=np.int_
        )

    @property
    def predicted(self) -> NDArray[np.int_]:
        """Return the index of the class with the highest probability, (n,)."""
        return np.asarray(self.logits.argmax(axis=1), dtype=np.int_)

    @property
    def correct(self) -> Truth:
        """Return whether the known finding was predicted, (n,)."""
        return np.array(self.predicted == self.label_indices, dtype=bool)

    @property
    def target(self) -> str:
        """Return the target finding, which is separated from all others."""
        return TARGET if TARGET in self.classes else sort_classes(self.classes)[0]

    @property
    def target_index(self) -> int:
        """Return the index of the target in `classes`."""
        return self.classes.index(self.target)

    @property
    def truth(self) -> Truth:
        """Return whether the target is the known finding, (n,)."""
        return np.array(self.label_indices == self.target_index, dtype=bool)

    def truth_of_both_classes(self) -> Truth:
        """Return `truth`; raises NotPossible unless there are radiographs with and without the target."""
        truth = self.truth
        if truth.all() or not truth.any():
            raise NotPossible(f"The check needs radiographs with {self.target} and radiographs without it.")
        return truth

    @property
    def scores(self) -> Floats:
        """Return each radiograph's probability of the target, (n,)."""
        scores: Floats = self.probabilities[:, self.target_index]
        return scores

    @property
    def operating_point(self) -> float:
        """Return the probability from which the target is flagged."""
        return self.operating_points.get(self.target, DEFAULT_OPERATING_POINT)

    @property
    def flagged(self) -> Truth:
        """Return whether the target is flagged at the operating point, (n,)."""
        return np.array(self.scores >= self.operating_point, dtype=bool)

    @property
    def patients(self) -> NDArray[np.int_]:
        """Return a patient number for each radiograph, (n,); without a known patient each has its own."""
        names = [
            radiograph.patient or f"radiograph {index}" for index, radiograph in enumerate(self.radiographs)
        ]
        return np.asarray(np.unique(names, return_inverse=True)[1], dtype=np.int_)

    @property
    def bins(self) -> int:
        """Return the number of equal-count bins for calibration."""
        return FEW_BINS if len(self.radiographs) < SMALL_SAMPLE else MANY_BINS

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the predictions and their inputs; file names are not included."""
        known = [
            (radiograph.label, radiograph.patient, radiograph.source, radiograph.view)
            for radiograph in self.radiographs
        ]
        inputs = repr(
            (self.version, self.classes, known, self.temperature, sorted(self.operating_points.items()))
        )
        return hashlib.sha256(inputs.encode() + np.ascontiguousarray(self.logits).tobytes()).hexdigest()
