"""Points of the ROC and reliability curves of an evaluation, as stored beside its metrics."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED, TARGET, Evaluation, json_values

GRID_POINTS: Final = 51
RESAMPLES: Final = 500
MIN_FOR_INTERVAL: Final = 30  # radiographs; fewer get no interval
MAX_BINS: Final = 10
MAX_THRESHOLDS: Final = 400

Rates = NDArray[np.float64]


def summary_with_curves(evaluation: Evaluation) -> dict[str, Any]:
    """Return the stored metrics of an evaluation and the points of its curves for the target finding."""
    target = TARGET if TARGET in evaluation.labels else evaluation.labels[0]
    curves = {
        "target": target,
        "with_target": int(evaluation.truth(target).sum()),
        "roc": roc_points(evaluation, target),
        "thresholds": threshold_points(evaluation, target),
        "reliability": reliability_bins(evaluation, target),
    }
    return evaluation.summary() | {"curves": json_values(curves)}


def roc_points(evaluation: Evaluation, target: str) -> list[dict[str, float]]:
    """Return sensitivity and its 95 % interval by false positive rate; empty without both kinds."""
    scores, truth = evaluation.scores(target), evaluation.truth(target)
    if truth.all() or not truth.any():
        return []
    grid = np.linspace(0, 1, GRID_POINTS)
    values = sensitivities(scores, truth, np.ones(len(truth)), grid)
    low = high = np.full(len(grid), np.nan)
    if min(truth.sum(), (~truth).sum()) >= MIN_FOR_INTERVAL:
        weights = statistics.patient_weights(evaluation.groups(), seed=SEED, resamples=RESAMPLES)
        curves = np.stack([sensitivities(scores, truth, row, grid) for row in weights])
        low, high = np.nanpercentile(curves, (2.5, 97.5), axis=0)
    columns = {"fpr": grid, "sensitivity": values, "low": low, "high": high}
    return [
        {name: round(float(column[index]), 4) for name, column in columns.items()}
        for index in range(len(grid))
    ]


def threshold_points(evaluation: Evaluation, target: str) -> list[dict[str, float]]:
    """Return sensitivity and specificity at measured scores, from the highest; empty without both kinds.

    A radiograph is flagged from the threshold on. At most MAX_THRESHOLDS of the scores, evenly by rank.
    """
    scores, truth = evaluation.scores(target), evaluation.truth(target)
    if truth.all() or not truth.any():
        return []
    distinct = np.unique(scores)[::-1]
    kept = np.unique(
        np.linspace(0, len(distinct) - 1, min(len(distinct), MAX_THRESHOLDS)).round().astype(int)
    )
    return [
        {
            "threshold": float(threshold),
            "sensitivity": float((scores[truth] >= threshold).mean()),
            "specificity": float((scores[~truth] < threshold).mean()),
        }
        for threshold in distinct[kept]
    ]


def reliability_bins(evaluation: Evaluation, target: str) -> list[dict[str, float]]:
    """Return predicted probability and observed frequency in bins of equal count, at least 30 in each."""
    scores, truth = evaluation.scores(target), evaluation.truth(target)
    number = min(MAX_BINS, len(scores) // MIN_FOR_INTERVAL)
    if not number:
        return []
    return [
        _bin(scores[members], truth[members])
        for members in np.array_split(np.argsort(scores, kind="stable"), number)
    ]


def _bin(scores: Rates, truth: NDArray[np.bool_]) -> dict[str, float]:
    low, high = statistics.wilson(int(truth.sum()), len(truth))
    return {
        "predicted": round(float(scores.mean()), 4),
        "observed": round(float(truth.mean()), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "n": len(truth),
    }


def sensitivities(scores: Rates, truth: NDArray[np.bool_], weights: Rates, grid: Rates) -> Rates:
    """Return the sensitivity at each false positive rate of the grid, NaN without both kinds."""
    order = np.argsort(-scores, kind="stable")
    ends = np.r_[np.flatnonzero(np.diff(scores[order])), len(order) - 1]
    true_positives = np.cumsum(weights[order] * truth[order])[ends]
    false_positives = np.cumsum(weights[order] * ~truth[order])[ends]
    if not true_positives[-1] or not false_positives[-1]:
        return np.full(len(grid), np.nan)
    rates = np.r_[0, false_positives / false_positives[-1]]
    values = np.r_[0, true_positives / true_positives[-1]]
    # np.interp needs increasing positions: a tiny offset keeps the points of a vertical step in order, its
    # upper end at the rate itself.
    interpolated: Rates = np.interp(grid, rates - np.arange(len(rates))[::-1] * 1e-12, values)
    return interpolated
