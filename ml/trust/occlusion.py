"""Checks B3 and B7: predictions with hidden lungs and with hidden corners (docs/trust.md)."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Floats, Interval
from ml.trust import catalogue
from ml.trust.batch_predictor import Squares
from ml.trust.check import Outcome, Status, check, interval_text
from ml.trust.evaluation_set import EvaluationSet
from ml.trust.predictions import Predictions

NO_LUNG_FAIL: Final = 0.65
LOSS_WARN: Final = 0.05
BLUR: Final = 0.12  # of the side
CORNER: Final = 0.12
CHANGED_WARN: Final = 0.05


@check(
    catalogue.LUNG_OCCLUSION,
    threshold="lower limit of the AUROC without lungs above 0.65 FAIL (*); lungs only 0.05 below full WARN",
)
def lung_occlusion(test_set: EvaluationSet) -> Outcome:
    """Measure the AUROC with lungs replaced by mean grey or by a blur, and with everything else replaced."""
    predictions = test_set.predictions
    aurocs = {"full": _auroc(predictions, predictions.scores)}
    for name, squares in occluded(test_set).items():
        aurocs[name] = _auroc(predictions, test_set.scores(squares))
    highest = max(("lungs_mean_grey", "lungs_blurred"), key=lambda name: aurocs[name][0])
    value, ci = aurocs[highest]
    loss = aurocs["full"][0] - aurocs["lungs_only"][0]
    status: Status = "FAIL" if ci[0] > NO_LUNG_FAIL else "WARN" if loss > LOSS_WARN else "PASS"
    return Outcome(
        status,
        f"With hidden lungs the network predicts {predictions.target} with AUROC {value:.3f} "
        f"({interval_text(ci)}), with lungs only {aurocs['lungs_only'][0]:.3f}, with the full image "
        f"{aurocs['full'][0]:.3f}. {test_set.lung_region_note}",
        value=value,
        ci=ci,
        n=len(test_set.radiographs),
        metrics={f"auroc_{name}": auroc for name, (auroc, _) in aurocs.items()},
    )


@check(catalogue.CORNER_OCCLUSION, threshold="more than 5 % of the predictions change WARN (*)")
def corner_occlusion(test_set: EvaluationSet) -> Outcome:
    """Count the predictions that change when the corners, where markers and text are, are black."""
    altered = test_set.predictor.predict(test_set.inputs, without_corners(test_set.squares))
    changed = altered.predicted != test_set.predictions.predicted
    share = float(changed.mean())
    return Outcome(
        "WARN" if share > CHANGED_WARN else "PASS",
        f"With black corners {int(changed.sum())} of {len(changed)} predictions change.",
        value=share,
        ci=statistics.wilson(int(changed.sum()), len(changed)),
        n=len(changed),
    )


def occluded(test_set: EvaluationSet) -> dict[str, Squares]:
    """Return the squares with lungs in mean grey, with lungs blurred, and with lungs only."""
    squares, lungs = test_set.squares, test_set.lungs
    means = np.broadcast_to(squares.mean(axis=(1, 2), keepdims=True), squares.shape)
    sigma = BLUR * squares.shape[1]
    blurred = np.stack([gaussian_filter(square, sigma) for square in squares])
    return {
        "lungs_mean_grey": np.where(lungs, means, squares),
        "lungs_blurred": np.where(lungs, blurred, squares),
        "lungs_only": np.where(lungs, squares, means),
    }


def without_corners(squares: Squares) -> Squares:
    """Return the squares with black corners of 12 % of both sides."""
    edge = round(CORNER * squares.shape[1])
    altered = squares.copy()
    for rows in (slice(None, edge), slice(-edge, None)):
        for columns in (slice(None, edge), slice(-edge, None)):
            altered[:, rows, columns] = 0
    return altered


def _auroc(predictions: Predictions, scores: Floats) -> tuple[float, Interval]:
    truth = predictions.truth_of_both_classes()
    weights = statistics.patient_weights(predictions.patients, seed=SEED)
    interval = statistics.percentile_interval(statistics.weighted_auroc(scores, truth, weights))
    return statistics.auroc(scores, truth), interval
