"""Checks D: whether a probability of 0.8 is right eight times in ten (guide section 4)."""

from __future__ import annotations

from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from ml.inference.calibration import negative_log_likelihood
from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Floats, Truth
from ml.trust.check import Check, NotPossible, Outcome, Status, check
from ml.trust.predictions import Predictions

SMALL_ERROR: Final = 0.05
SIMULATIONS: Final = 1000
NULL_PERCENTILE: Final = 95
SLOPES: Final = (0.8, 1.25)
TINY: Final = 1e-6


@check(
    "D1",
    threshold="error at most 0.05, or below the 95th percentile of a perfectly calibrated model's; else WARN",
)
def calibration_error(answers: Predictions) -> Outcome:
    """Measure the calibration error beside that of a perfectly calibrated model of this many radiographs."""
    chances, bins = answers.probabilities, answers.bins
    confidence = chances.max(axis=1)
    value = statistics.calibration_error(confidence, answers.right, bins=bins)
    null = null_errors(confidence, bins=bins)
    limit = float(np.percentile(null, NULL_PERCENTILE))
    known = np.eye(len(answers.classes))[answers.places]
    figures = {
        "perfect_model_mean": float(null.mean()),
        "perfect_model_95th_percentile": limit,
        "target_error": statistics.calibration_error(answers.scores, answers.truth, bins=bins),
        "brier": statistics.brier(chances, known),
        "log_loss": negative_log_likelihood(answers.logits, answers.places, temperature=answers.temperature),
        "temperature": answers.temperature,
        "bins": float(bins),
    }
    status: Status = "PASS" if value <= SMALL_ERROR or value < limit else "WARN"
    return Outcome(
        status,
        f"Stated and true shares of right answers are {value:.3f} apart; a perfectly calibrated model would "
        f"show {null.mean():.3f} on so many radiographs, and rarely more than {limit:.3f}.",
        value=value,
        n=len(answers.radiographs),
        figures=figures,
    )


@check("D2", threshold="slope from 0.8 to 1.25 (*), else WARN")
def recalibration(answers: Predictions) -> Outcome:
    """Fit the target's log odds anew; slope 1 and intercept 0 need no change, below 1 is overconfidence."""
    truth = answers.truth
    if truth.all() or not truth.any():
        raise NotPossible(f"It needs radiographs with {answers.target} and radiographs without it.")
    slope, intercept = slope_and_intercept(answers.scores, truth)
    status: Status = "PASS" if SLOPES[0] <= slope <= SLOPES[1] else "WARN"
    return Outcome(
        status,
        f"The log odds of {answers.target} would fit best times {slope:.2f}, shifted by {intercept:+.2f}.",
        value=slope,
        n=len(answers.radiographs),
        figures={"intercept": intercept},
    )


def checks(answers: Predictions) -> tuple[Check, ...]:
    """Ask D1 and D2."""
    return calibration_error(answers), recalibration(answers)


def null_errors(confidence: Floats, *, bins: int) -> Floats:
    """Return the error of 1,000 models that are right as often as they say, (1000,): few radiographs give some."""
    random = np.random.default_rng(SEED)
    rights = random.random((SIMULATIONS, len(confidence))) < confidence
    return np.array([statistics.calibration_error(confidence, right, bins=bins) for right in rights])


def slope_and_intercept(chances: Floats, truth: Truth) -> tuple[float, float]:
    """Return slope and intercept of a logistic regression of `truth` on the log odds of `chances`."""
    inside = np.clip(chances, TINY, 1 - TINY)
    odds = np.log(inside / (1 - inside))
    fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(odds[:, None], truth)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
