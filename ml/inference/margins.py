"""Whether a prediction is so close to a threshold that an approximate engine may not decide it."""

from __future__ import annotations

from typing import Final

from ml.records import Explanation, Manifest

DISTANCE_MARGIN: Final = 0.02  # of an out-of-distribution limit, relative to it


def is_close_to_a_threshold(explanation: Explanation, manifest: Manifest, margin: float) -> bool:
    """Return whether errors of `margin` in the probabilities could change a finding or an outcome.

    Thresholds are the operating points, the conformal and the abstention thresholds, the second most probable
    class, and the out-of-distribution limits.
    """
    probabilities = explanation.probabilities
    highest, second = sorted(probabilities.values(), reverse=True)[:2]
    distances = [
        (highest - second) / 2,
        *(abs(probabilities[name] - point) for name, point in manifest.operating_points.items()),
        *(abs(1 - probabilities[name] - limit) for name, limit in manifest.conformal.items()),
        *([] if manifest.abstention is None else [abs(highest - manifest.abstention)]),
    ]
    return min(distances) < margin or _is_close_to_a_limit(explanation)


def _is_close_to_a_limit(explanation: Explanation) -> bool:
    found = explanation.out_of_distribution
    if found is None:
        return False
    measures = (found.knn, found.mahalanobis, found.energy)
    return any(abs(one.value - one.limit) < DISTANCE_MARGIN * abs(one.limit) for one in measures)
