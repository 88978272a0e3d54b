"""Checks E: when the network had better say nothing, and whether its sets of findings hold (section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from ml.inference import conformal
from ml.inference.conformal import ALPHA, ROUNDING
from ml.metrics.statistics import Floats, Truth
from ml.trust.check import Check, NotPossible, Outcome, Status, check
from ml.trust.predictions import Predictions

COVERAGES: Final = (1.0, 0.9, 0.8)
BAND: Final = 0.95


@check("E1", threshold="none; errors among the surest 100, 90 and 80 % of the radiographs")
def risk_by_coverage(answers: Predictions, *, calibration: Predictions | None = None) -> Outcome:
    """Measure how the errors fall when only the surest radiographs are answered."""
    confidence = answers.probabilities.max(axis=1)
    curve = risk_curve(confidence, answers.right)
    figures = {f"error_at_{round(100 * share)}_percent": at_coverage(curve, share) for share in COVERAGES}
    told = ", ".join(f"{at_coverage(curve, share):.1%} of the surest {share:.0%}" for share in COVERAGES)
    words = f"Wrongly named: {told}."
    if calibration is not None and calibration.radiographs:
        tau = conformal.abstention(calibration.probabilities.max(axis=1), calibration.right)
        kept = confidence >= tau
        figures |= {"threshold": tau, "kept": float(kept.mean())}
        figures["error_of_kept"] = float((~answers.right)[kept].mean()) if kept.any() else float("nan")
        words += f" From {tau:.2f} on, {kept.mean():.0%} are answered."
    return Outcome("PASS", words, value=float(curve.mean()), n=len(answers.radiographs), figures=figures)


@check("E2", threshold="share of each class in its set inside the binomial 95 % band around 90 %, else WARN")
def conformal_coverage(answers: Predictions, *, calibration: Predictions | None = None) -> Outcome:
    """Count how often the known finding is in the set of findings that cannot be ruled out."""
    if calibration is None or not calibration.radiographs:
        raise NotPossible("No radiographs were kept aside to set the limits on.")
    limits = conformal.thresholds(calibration.probabilities, calibration.places, answers.classes)
    inside = in_set(answers.probabilities, [limits[label] for label in answers.classes])
    held = inside[np.arange(len(answers.radiographs)), answers.places]
    figures: dict[str, float] = {"mean_size": float(inside.sum(axis=1).mean())}
    outside: list[str] = []
    for place, label in enumerate(answers.classes):
        of_class = answers.places == place
        figures[f"{label} limit"] = limits[label]
        if not of_class.any():
            continue
        low, high = coverage_band(int(of_class.sum()))
        share = float(held[of_class].mean())
        figures |= {f"{label} coverage": share, f"{label} band low": low, f"{label} band high": high}
        if limits[label] < 1 and not low <= share <= high:
            outside.append(f"{label} {share:.0%} (expected {low:.0%} to {high:.0%})")
    told = "; outside their band: " + ", ".join(outside) if outside else ""
    words = (
        f"The known finding is in the set for {held.mean():.0%} of radiographs; the aim: {1 - ALPHA:.0%}{told}. "
        "It holds only where radiographs come from the same place as those the limits were set on."
    )
    status: Status = "WARN" if outside else "PASS"
    return Outcome(status, words, value=float(held.mean()), n=len(answers.radiographs), figures=figures)


def checks(answers: Predictions, calibration: Predictions | None) -> tuple[Check, ...]:
    """Ask E1 and E2; limits are set on the calibration radiographs."""
    return (
        risk_by_coverage(answers, calibration=calibration),
        conformal_coverage(answers, calibration=calibration),
    )


def risk_curve(confidence: Floats, right: Truth) -> Floats:
    """Return the share of errors among the surest k radiographs, for k = 1 to n; its mean is the AURC."""
    order = np.argsort(-confidence, kind="stable")
    risks: Floats = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    return risks


def at_coverage(curve: Floats, share: float) -> float:
    """Return the share of errors among the surest `share` of the radiographs, 0 to 1."""
    return float(curve[max(1, round(share * len(curve))) - 1])


def in_set(chances: Floats, limits: Sequence[float]) -> NDArray[np.bool_]:
    """Return which classes cannot be ruled out, (n, classes)."""
    return np.array(1 - chances <= np.array(limits) + ROUNDING, dtype=bool)


def coverage_band(radiographs: int, alpha: float = ALPHA) -> tuple[float, float]:
    """Return the central 95 % band of the share of `radiographs` radiographs in their set."""
    low, high = binom.interval(BAND, radiographs, 1 - alpha)
    return float(low) / radiographs, float(high) / radiographs
