"""What a network said of films with a known finding: the table that checks C, D, E and H read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ml.dataset import in_order
from ml.figures import FEW_BINS, MANY_BINS, SMALL_SAMPLE, TARGET
from ml.records import LabelledFilm
from ml.statistics import Floats, Truth

HALF: Final = 0.5


@dataclass(frozen=True)
class Answers:
    """One version's logits on films of one part; all rows stand in the order of `films`.

    `logits` is (n, classes), before the temperature. Films of findings that the network has no name for are
    left out.
    """

    version: str
    classes: tuple[str, ...]
    films: tuple[LabelledFilm, ...]
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
        """Return each film's known finding as its place in `classes`, (n,)."""
        return np.array([self.classes.index(film.label) for film in self.films], dtype=np.int_)

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
        """Return whether each film is known to show the target, (n,)."""
        return np.array(self.places == self.classes.index(self.target), dtype=bool)

    @property
    def scores(self) -> Floats:
        """Return each film's probability of the target, (n,)."""
        chances: Floats = self.probabilities[:, self.classes.index(self.target)]
        return chances

    @property
    def point(self) -> float:
        """Return the probability from which the target's flag is raised."""
        return self.operating_points.get(self.target, HALF)

    @property
    def patients(self) -> NDArray[np.int_]:
        """Number the patients, (n,); a film of nobody known is a patient of its own."""
        names = [film.patient or f"film {place}" for place, film in enumerate(self.films)]
        return np.asarray(np.unique(names, return_inverse=True)[1], dtype=np.int_)

    @property
    def bins(self) -> int:
        """Return how many bins of equally many films calibration is measured in."""
        return FEW_BINS if len(self.films) < SMALL_SAMPLE else MANY_BINS

    @property
    def fingerprint(self) -> str:
        """Name these answers (SHA-256) by what they rest on; file names do not matter."""
        known = [(film.label, film.patient, film.source, film.view) for film in self.films]
        whole = repr(
            (self.version, self.classes, known, self.temperature, sorted(self.operating_points.items()))
        )
        return hashlib.sha256(whole.encode() + np.ascontiguousarray(self.logits).tobytes()).hexdigest()
