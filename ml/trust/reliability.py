"""Checks D: calibration of the predicted probabilities (docs/trust.md)."""

from __future__ import annotations

from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from ml.inference.calibration import negative_log_likelihood
from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Floats, Truth
from ml.trust import catalogue
from ml.trust.check import Outcome, Status, check
from ml.trust.predictions import Predictions

SMALL_ERROR: Final = 0.05
SIMULATIONS: Final = 1000
NULL_PERCENTILE: Final = 95
SLOPES: Final = (0.8, 1.25)
TINY: Final = 1e-6
MIN_OF_A_SOURCE: Final = 20  # radiographs


@check(
    catalogue.CALIBRATION_ERROR,
    threshold="error at most 0.05, or below the 95th percentile of a perfectly calibrated model's; else WARN",
)
def calibration_error(predictions: Predictions) -> Outcome:
    """Measure the calibration error and that of a perfectly calibrated model on as many radiographs."""
    probabilities, bins = predictions.probabilities, predictions.bins
    confidence = probabilities.max(axis=1)
    value = statistics.calibration_error(confidence, predictions.correct, bins=bins)
    null = null_errors(confidence, bins=bins)
    limit = float(np.percentile(null, NULL_PERCENTILE))
    labels = predictions.label_indices
    metrics = {
        "perfect_model_mean": float(null.mean()),
        "perfect_model_95th_percentile": limit,
        "target_error": statistics.calibration_error(predictions.scores, predictions.truth, bins=bins),
        "brier": statistics.brier(probabilities, np.eye(len(predictions.classes))[labels]),
        "log_loss": negative_log_likelihood(predictions.logits, labels, temperature=predictions.temperature),
        "temperature": predictions.temperature,
        "bins": float(bins),
        **_errors_by_source(predictions),
    }
    status: Status = "PASS" if value <= SMALL_ERROR or value < limit else "WARN"
    return Outcome(
        status,
        f"The calibration error is {value:.3f}. On this number of radiographs a perfectly calibrated model "
        f"has {null.mean():.3f} on average and {limit:.3f} at the 95th percentile."
        f"{_worst_source(predictions)}",
        value=value,
        n=len(predictions.radiographs),
        metrics=metrics,
    )


@check(catalogue.CALIBRATION_SLOPE, threshold="slope from 0.8 to 1.25 (*), else WARN")
def calibration_slope(predictions: Predictions) -> Outcome:
    """Fit slope and intercept of the target's log odds: 1 and 0 are ideal, below 1 is overconfidence."""
    truth = predictions.truth_of_both_classes()
    slope, intercept = slope_and_intercept(predictions.scores, truth)
    status: Status = "PASS" if SLOPES[0] <= slope <= SLOPES[1] else "WARN"
    return Outcome(
        status,
        f"Logistic recalibration of {predictions.target}: slope {slope:.2f}, intercept {intercept:+.2f}.",
        value=slope,
        n=len(predictions.radiographs),
        metrics={"intercept": intercept},
    )


def _errors_by_source(predictions: Predictions) -> dict[str, float]:
    """Return the error of the target's probability for each source with at least 20 radiographs."""
    return {
        f"target_error {name}": statistics.calibration_error(
            predictions.scores[members], predictions.truth[members], bins=predictions.bins
        )
        for name, members in _large_sources(predictions).items()
    }


def _worst_source(predictions: Predictions) -> str:
    """Return a sentence on the source whose probabilities are furthest off, empty for a single source."""
    sources = _large_sources(predictions)
    if len(sources) < 2:
        return ""
    excess = {
        name: float((predictions.scores[members] - predictions.truth[members]).mean())
        for name, members in sources.items()
    }
    worst = max(excess, key=lambda name: abs(excess[name]))
    return (
        f" Of the sources, {worst} is furthest off: its mean probability of {predictions.target} less its "
        f"prevalence is {excess[worst]:+.2f}."
    )


def _large_sources(predictions: Predictions) -> dict[str, Truth]:
    names = np.array([radiograph.source for radiograph in predictions.radiographs], dtype=np.str_)
    members = {name: np.asarray(names == name, bool) for name in sorted(set(names.tolist()) - {""})}
    return {name: of_source for name, of_source in members.items() if of_source.sum() >= MIN_OF_A_SOURCE}


def null_errors(confidence: Floats, *, bins: int) -> Floats:
    """Return the calibration errors of 1,000 simulated, perfectly calibrated models, (1000,)."""
    random = np.random.default_rng(SEED)
    simulations = random.random((SIMULATIONS, len(confidence))) < confidence
    return np.array([statistics.calibration_error(confidence, correct, bins=bins) for correct in simulations])


def slope_and_intercept(probabilities: Floats, truth: Truth) -> tuple[float, float]:
    """Return slope and intercept of a logistic regression of `truth` on the log odds of `probabilities`."""
    clipped = np.clip(probabilities, TINY, 1 - TINY)
    odds = np.log(clipped / (1 - clipped))
    fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(odds[:, None], truth)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
