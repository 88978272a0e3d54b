"""Whether a prediction is so close to a threshold that an approximate engine may not decide it.

Distances are measured in log odds: an engine's error is one of the logits, so that a probability of 0.05 is
off by a fifth of what one of 0.5 is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from ml.records import Explanation, Manifest

DISTANCE_MARGIN: Final = 0.02  # of an out-of-distribution limit, relative to it
SMALLEST: Final = 1e-12  # probability, so that the log odds of 0 and 1 are finite


def is_close_to_a_threshold(
    explanation: Explanation, manifest: Manifest, operating_points: Mapping[str, float], margin: float
) -> bool:
    """Return whether errors of `margin` in the log odds could change a finding, a decision or an outcome.

    Thresholds are the operating points (class -> probability), the conformal and the abstention thresholds of
    the manifest, the second most probable class, and the out-of-distribution limits.
    """
    odds = {name: _log_odds(probability) for name, probability in explanation.probabilities.items()}
    highest, second = sorted(math.log(max(p, SMALLEST)) for p in explanation.probabilities.values())[:-3:-1]
    distances = [
        (highest - second) / 2,
        *(abs(odds[name] - _log_odds(point)) for name, point in operating_points.items()),
        *(abs(odds[name] - _log_odds(1 - limit)) for name, limit in manifest.conformal.items()),
        *([] if manifest.abstention is None else [abs(max(odds.values()) - _log_odds(manifest.abstention))]),
    ]
    return min(distances) < margin or _is_close_to_a_limit(explanation)


def _log_odds(probability: float) -> float:
    p = min(max(probability, SMALLEST), 1 - SMALLEST)
    return math.log(p / (1 - p))


def _is_close_to_a_limit(explanation: Explanation) -> bool:
    found = explanation.out_of_distribution
    if found is None:
        return False
    measures = (found.knn, found.mahalanobis, found.energy)
    return any(abs(one.value - one.limit) < DISTANCE_MARGIN * abs(one.limit) for one in measures)
