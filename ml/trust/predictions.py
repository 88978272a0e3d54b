"""What a network said of radiographs with a known finding: the table that checks C, D, E and H read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ml.datasets.patient_split import in_order
from ml.metrics.evaluation_result import FEW_BINS, MANY_BINS, SMALL_SAMPLE, TARGET
from ml.metrics.statistics import Floats, Truth
from ml.records import LabelledImage

HALF: Final = 0.5


@dataclass(frozen=True)
class Predictions:
    """One version's logits on radiographs of one part; all rows stand in the order of `radiographs`.

    `logits` is (n, classes), before the temperature. Radiographs of findings that the network has no name for are
    left out.
    """

    version: str
    classes: tuple[str, ...]
    radiographs: tuple[LabelledImage, ...]
    logits: Floats
    temperature: float = 1.0
    operating_points: dict[str, float] = field(default_factory=dict)

    @property
    def probabilities(self) -> Floats:
        """Return calibrated probabilities, (n, classes), each row of sum 1."""
        chances: Floats = softmax(self.logits / self.temperature, axis=1)
        return chances

    @property
    def places(self) -> NDArray[np.int_]:
        """Return each radiograph's known finding as its place in `classes`, (n,)."""
        return np.array(
            [self.classes.index(radiograph.label) for radiograph in self.radiographs], dtype=np.int_
        )

    @property
    def named(self) -> NDArray[np.int_]:
        """Return the class of the highest probability, (n,)."""
        return np.asarray(self.logits.argmax(axis=1), dtype=np.int_)

    @property
    def right(self) -> Truth:
        """Return whether the known finding was named, (n,)."""
        return np.array(self.named == self.places, dtype=bool)

    @property
    def target(self) -> str:
        """Name the finding that is told from the rest."""
        return TARGET if TARGET in self.classes else in_order(self.classes)[0]

    @property
    def truth(self) -> Truth:
        """Return whether each radiograph is known to show the target, (n,)."""
        return np.array(self.places == self.classes.index(self.target), dtype=bool)

    @property
    def scores(self) -> Floats:
        """Return each radiograph's probability of the target, (n,)."""
        chances: Floats = self.probabilities[:, self.classes.index(self.target)]
        return chances

    @property
    def point(self) -> float:
        """Return the probability from which the target's flag is raised."""
        return self.operating_points.get(self.target, HALF)

    @property
    def patients(self) -> NDArray[np.int_]:
        """Number the patients, (n,); a radiograph of nobody known is a patient of its own."""
        names = [
            radiograph.patient or f"radiograph {place}" for place, radiograph in enumerate(self.radiographs)
        ]
        return np.asarray(np.unique(names, return_inverse=True)[1], dtype=np.int_)

    @property
    def bins(self) -> int:
        """Return how many bins of equally many radiographs calibration is measured in."""
        return FEW_BINS if len(self.radiographs) < SMALL_SAMPLE else MANY_BINS

    @property
    def fingerprint(self) -> str:
        """Name these answers (SHA-256) by what they rest on; file names do not matter."""
        known = [
            (radiograph.label, radiograph.patient, radiograph.source, radiograph.view)
            for radiograph in self.radiographs
        ]
        whole = repr(
            (self.version, self.classes, known, self.temperature, sorted(self.operating_points.items()))
        )
        return hashlib.sha256(whole.encode() + np.ascontiguousarray(self.logits).tobytes()).hexdigest()
