"""Conformal prediction sets and the abstention threshold, both fitted to calibration radiographs.

Split conformal prediction per class (Vovk 2012; Sadinle, Lei and Wasserman 2019): if radiographs are
exchangeable with the calibration radiographs, the set of candidates contains the true class of at least 90 %
of each class. At another hospital this guarantee does not hold until the version is calibrated there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.records import PredictionOutcome

ALPHA: Final = 0.10  # largest share of a class whose true finding is not a candidate
SELECTIVE_ERROR: Final = 0.05  # largest share of wrong predictions above the abstention threshold
ROUNDING: Final = 1e-9

Floats = NDArray[np.float64]


def threshold(scores: Floats, *, alpha: float = ALPHA) -> float:
    """Return the ceil((n+1)(1-alpha))-th smallest of the n scores 1 - p of one class, 0 to 1.

    Fewer than 9 radiographs (at alpha 0.10) give no guarantee: the threshold is 1, the class always a
    candidate.
    """
    rank = int(np.ceil((len(scores) + 1) * (1 - alpha) - ROUNDING))
    if rank > len(scores):
        return 1.0
    return float(np.sort(scores)[rank - 1])


def thresholds(
    probabilities: Floats, targets: NDArray[np.int_], classes: Sequence[str], *, alpha: float = ALPHA
) -> dict[str, float]:
    """Return each class's threshold from calibrated probabilities (n, classes) and true class indices."""
    return {
        label: threshold(1 - probabilities[targets == index, index], alpha=alpha)
        for index, label in enumerate(classes)
    }


def candidates(probabilities: Mapping[str, float], limits: Mapping[str, float]) -> tuple[str, ...]:
    """Return the classes with 1 - p up to their limit, highest probability first; the default limit is 1."""
    included = [label for label, p in probabilities.items() if 1 - p <= limits.get(label, 1.0)]
    return tuple(sorted(included, key=lambda label: -probabilities[label]))


def abstention(confidence: Floats, correct: NDArray[np.bool_], *, error: float = SELECTIVE_ERROR) -> float:
    """Return the lowest confidence from which on at most `error` of predictions are wrong, 1 without one.

    `confidence` (n,) is the highest probability of each radiograph, `correct` (n,) whether its class is
    right.
    """
    levels = np.unique(confidence)  # ascending: the first valid level keeps the most predictions
    for level in levels:
        accepted = confidence >= level
        if (~correct[accepted]).mean() <= error + ROUNDING:
            return float(level)
    return 1.0


def outcome_of(
    finding: str, candidates: Sequence[str], *, calibrated: bool, out_of_distribution: bool
) -> PredictionOutcome:
    """Return the outcome for the most probable class and the candidates of a radiograph.

    A single candidate other than the most probable class is indeterminate too.
    """
    if out_of_distribution or (calibrated and not candidates):
        return "out-of-distribution"
    if calibrated and tuple(candidates) != (finding,):
        return "indeterminate"
    return "finding"
