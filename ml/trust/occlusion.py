"""Checks B3 and B7: what the network still tells when lungs or corners are hidden (guide section 4)."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Floats, Interval
from ml.trust.batch_predictor import Squares
from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.evaluation_set import EvaluationSet

NO_LUNG_FAIL: Final = 0.65
LOSS_WARN: Final = 0.05
BLUR: Final = 0.12  # of the side
CORNER: Final = 0.12
FLIPS_WARN: Final = 0.05


@check(
    "B3",
    blocking=True,
    threshold="lower limit of the AUROC without lungs above 0.65 FAIL (*); lungs alone 0.05 below WARN",
)
def lungs_hidden(examined: EvaluationSet) -> Outcome:
    """Hide the lungs by the radiograph's mean grey and by a blur, then all but the lungs."""
    truth = examined.answers.truth
    if truth.all() or not truth.any():
        raise NotPossible(f"It needs radiographs with {examined.answers.target} and radiographs without it.")
    areas = {"whole": _area(examined, examined.answers.scores)}
    for name, squares in hidden(examined).items():
        areas[name] = _area(examined, examined.scores(squares))
    without = max(("mean", "blur"), key=lambda name: areas[name][0])
    value, ci = areas[without]
    lost = areas["whole"][0] - areas["lungs_only"][0]
    status: Status = "FAIL" if ci[0] > NO_LUNG_FAIL else "WARN" if lost > LOSS_WARN else "PASS"
    return Outcome(
        status,
        f"With hidden lungs the network tells {examined.answers.target} with AUROC {value:.3f} "
        f"({ci[0]:.3f} to {ci[1]:.3f}), with nothing but lungs {areas['lungs_only'][0]:.3f}, with all "
        f"{areas['whole'][0]:.3f}. {examined.outline}",
        value=value,
        ci=ci,
        n=len(examined.radiographs),
        figures={f"auroc_{name}": area for name, (area, _) in areas.items()},
    )


@check("B7", threshold="more than 5 % of the findings change WARN (*)")
def corners_hidden(examined: EvaluationSet) -> Outcome:
    """Black the four corners, where markers and letters stand, and count the findings that change."""
    changed = examined.reader.answers(examined.seen, without_corners(examined.squares)).named
    flips = changed != examined.answers.named
    share = float(flips.mean())
    return Outcome(
        "WARN" if share > FLIPS_WARN else "PASS",
        f"With black corners {int(flips.sum())} of {len(flips)} findings change.",
        value=share,
        ci=statistics.wilson(int(flips.sum()), len(flips)),
        n=len(flips),
    )


def hidden(examined: EvaluationSet) -> dict[str, Squares]:
    """Return the squares without lungs, by 'mean' and by 'blur', and with 'lungs_only'."""
    squares, lungs = examined.squares, examined.lungs
    means = np.broadcast_to(squares.mean(axis=(1, 2), keepdims=True), squares.shape)
    sigma = BLUR * squares.shape[1]
    blurred = np.stack([gaussian_filter(square, sigma) for square in squares])
    return {
        "mean": np.where(lungs, means, squares),
        "blur": np.where(lungs, blurred, squares),
        "lungs_only": np.where(lungs, squares, means),
    }


def without_corners(squares: Squares) -> Squares:
    """Black 12 % of both sides in each corner."""
    edge = round(CORNER * squares.shape[1])
    black = squares.copy()
    for rows in (slice(None, edge), slice(-edge, None)):
        for columns in (slice(None, edge), slice(-edge, None)):
            black[:, rows, columns] = 0
    return black


def _area(examined: EvaluationSet, scores: Floats) -> tuple[float, Interval]:
    truth = examined.answers.truth
    weights = statistics.patient_weights(examined.answers.patients, seed=SEED)
    interval = statistics.percentile_interval(statistics.weighted_auroc(scores, truth, weights))
    return statistics.auroc(scores, truth), interval
