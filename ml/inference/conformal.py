"""Which findings a version cannot exclude, and when it should give no answer: set on calibration radiographs.

Split conformal prediction per class (Vovk 2012; Sadinle, Lei and Wasserman 2019): of radiographs that are like the
calibration radiographs, at least 90 % of each class have their true class among the candidates. At another hospital
that no longer holds, until the version is calibrated there (trust.md, section 4 E).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.records import PredictionOutcome

ALPHA: Final = 0.10  # share of each class whose true finding may be missing from the candidates
SELECTIVE_ERROR: Final = 0.05  # share of the answers given that may be wrong
ROUNDING: Final = 1e-9

Floats = NDArray[np.float64]


def threshold(scores: Floats, *, alpha: float = ALPHA) -> float:
    """Return the ceil((n+1)(1-alpha))-th smallest of n scores 1 - p of one class's radiographs, 0 to 1.

    Fewer than 9 radiographs (at alpha 0.10) promise nothing: then it is 1, and the class is always a candidate.
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
        label: threshold(1 - probabilities[targets == place, place], alpha=alpha)
        for place, label in enumerate(classes)
    }


def candidates(probabilities: Mapping[str, float], limits: Mapping[str, float]) -> tuple[str, ...]:
    """Return the classes that cannot be excluded, the likeliest first; one without a limit always stays."""
    kept = [label for label, p in probabilities.items() if 1 - p <= limits.get(label, 1.0)]
    return tuple(sorted(kept, key=lambda label: -probabilities[label]))


def abstention(confidence: Floats, correct: NDArray[np.bool_], *, error: float = SELECTIVE_ERROR) -> float:
    """Return the lowest threshold from which on at most `error` of the answers are wrong.

    `confidence` holds the highest probability of each radiograph, `correct` whether its class was right. It is 1
    where no threshold will do: then no answer is good enough.
    """
    levels = np.unique(confidence)  # ascending: the first that will do keeps the most answers
    for level in levels:
        given = confidence >= level
        if (~correct[given]).mean() <= error + ROUNDING:
            return float(level)
    return 1.0


def outcome_of(finding: str, named: Sequence[str], *, measured: bool, novel: bool) -> PredictionOutcome:
    """Say what kind of answer a radiograph gets: a finding, one that cannot be separated, or none to rely on.

    `named` are the candidates. A single one that is not the likeliest class itself cannot be told from it.
    """
    if novel or (measured and not named):
        return "out-of-distribution"
    if measured and tuple(named) != (finding,):
        return "indeterminate"
    return "finding"
