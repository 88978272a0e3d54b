"""Checks E: selective classification and coverage of the prediction sets (docs/trust.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from ml.inference import conformal
from ml.inference.conformal import ALPHA, ROUNDING
from ml.metrics.statistics import Floats, Truth
from ml.trust import catalogue
from ml.trust.check import NotPossible, Outcome, check
from ml.trust.predictions import Predictions

COVERAGES: Final = (1.0, 0.9, 0.8)
BAND: Final = 0.95


@check(
    catalogue.RISK_COVERAGE,
    threshold="none; error rate of the most confident 100, 90 and 80 % of the radiographs",
)
def risk_by_coverage(predictions: Predictions, *, calibration: Predictions | None = None) -> Outcome:
    """Measure the error rate when only the most confident predictions are used."""
    confidence = predictions.probabilities.max(axis=1)
    curve = risk_curve(confidence, predictions.correct)
    metrics = {f"error_at_{round(100 * share)}_percent": error_at(curve, share) for share in COVERAGES}
    errors = ", ".join(
        f"{error_at(curve, share):.1%} of the most confident {share:.0%}" for share in COVERAGES
    )
    summary = f"Error rate: {errors}."
    if calibration is not None and calibration.radiographs:
        threshold = conformal.abstention(calibration.probabilities.max(axis=1), calibration.correct)
        accepted = confidence >= threshold
        metrics |= {"threshold": threshold, "coverage": float(accepted.mean())}
        errors_of_accepted = (~predictions.correct)[accepted]
        metrics["error_of_accepted"] = float(errors_of_accepted.mean()) if accepted.any() else float("nan")
        summary += f" At a confidence threshold of {threshold:.2f}, {accepted.mean():.0%} are classified."
    return Outcome(
        "PASS", summary, value=float(curve.mean()), n=len(predictions.radiographs), metrics=metrics
    )


@check(
    catalogue.CONFORMAL_COVERAGE,
    threshold="coverage of each class inside the binomial 95 % band around 90 %, else WARN",
)
def conformal_coverage(predictions: Predictions, *, calibration: Predictions | None = None) -> Outcome:
    """Measure how often the prediction set contains the known finding."""
    if calibration is None or not calibration.radiographs:
        raise NotPossible("There are no calibration radiographs to set the thresholds on.")
    limits = conformal.thresholds(calibration.probabilities, calibration.label_indices, predictions.classes)
    sets = prediction_sets(predictions.probabilities, [limits[label] for label in predictions.classes])
    covered = sets[np.arange(len(predictions.radiographs)), predictions.label_indices]
    metrics = {"mean_size": float(sets.sum(axis=1).mean())}
    outside: list[str] = []
    for index, label in enumerate(predictions.classes):
        metrics[f"{label} threshold"] = limits[label]
        of_class = predictions.label_indices == index
        if not of_class.any():
            continue
        low, high = coverage_band(int(of_class.sum()))
        share = float(covered[of_class].mean())
        metrics |= {f"{label} coverage": share, f"{label} band low": low, f"{label} band high": high}
        if limits[label] < 1 and not low <= share <= high:
            outside.append(f"{label} {share:.0%} (expected {low:.0%} to {high:.0%})")
    return Outcome(
        "WARN" if outside else "PASS",
        _coverage_summary(float(covered.mean()), outside),
        value=float(covered.mean()),
        n=len(predictions.radiographs),
        metrics=metrics,
    )


def risk_curve(confidence: Floats, correct: Truth) -> Floats:
    """Return the error rate of the k most confident predictions, for k = 1 to n; its mean is the AURC."""
    order = np.argsort(-confidence, kind="stable")
    risks: Floats = np.cumsum(~correct[order]) / np.arange(1, len(order) + 1)
    return risks


def error_at(curve: Floats, share: float) -> float:
    """Return the error rate of the most confident `share` of the radiographs, 0 to 1."""
    return float(curve[max(1, round(share * len(curve))) - 1])


def prediction_sets(probabilities: Floats, thresholds: Sequence[float]) -> NDArray[np.bool_]:
    """Return which classes are in each prediction set, (n, classes)."""
    return np.array(1 - probabilities <= np.array(thresholds) + ROUNDING, dtype=bool)


def coverage_band(n: int, alpha: float = ALPHA) -> tuple[float, float]:
    """Return the central 95 % interval of the coverage expected for `n` radiographs."""
    low, high = binom.interval(BAND, n, 1 - alpha)
    return float(low) / n, float(high) / n


def _coverage_summary(coverage: float, outside: Sequence[str]) -> str:
    deviations = "; outside the expected band: " + ", ".join(outside) if outside else ""
    return (
        f"The prediction set contains the known finding for {coverage:.0%} of the radiographs "
        f"(target: {1 - ALPHA:.0%}){deviations}. The guarantee holds only for radiographs from the same "
        "population as the calibration set."
    )
