"""The rules of a comparison: what each measures, its threshold, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ml.datasets.class_order import sort_classes
from ml.metrics import statistics
from ml.metrics.evaluation_result import Evaluation
from ml.metrics.statistics import Floats, Truth

Outcome = Literal["kept", "broken", "undecided"]

SENSITIVITY_MARGIN: Final = 0.05
AUROC_MARGIN: Final = 0.02
SIGNIFICANT: Final = 0.05
CALIBRATION_MARGIN: Final = 0.02
SUBGROUP_MARGIN: Final = 0.10
MIN_RADIOGRAPHS: Final = 30  # below this number neither accuracy, AUROC nor calibration is judged
MIN_PER_CLASS: Final = 10  # radiographs
MIN_IN_SUBGROUP: Final = 20  # radiographs of the target; a smaller subgroup is not judged
MIN_FOR_AUROC: Final = 2  # radiographs with and without the finding; a variance needs two


@dataclass(frozen=True)
class Difference:
    """A metric of both versions, and candidate minus active version with its 95 % interval."""

    candidate: float
    active: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Rule:
    """Outcome of one rule with its figures; undecided if there are too few radiographs."""

    name: str
    outcome: Outcome
    detail: str
    n: int = 0  # radiographs that the value depends on
    value: float | None = None  # what is compared with the threshold
    low: float | None = None
    high: float | None = None
    threshold: float | None = None


def sensitivity_rule(
    difference: Difference, candidate: Evaluation, active: Evaluation, target: str, weights: Floats
) -> Rule:
    """Judge the sensitivity for the target by resampling patients and by Tango's bound."""
    name = "sensitivity"
    truth = candidate.truth(target)
    if not truth.any():
        text = f"No radiograph of the test set shows {target}."
        return Rule(name, "undecided", text, threshold=-SENSITIVITY_MARGIN)
    first, second = candidate.predicted(target), active.predicted(target)
    better, worse = discordant(first & truth, second & truth)
    resampled = statistics.percentile_interval(
        resampled_differences(first, second, truth, weights), level=0.90
    )
    radiographs = int(truth.sum())
    lower = min(resampled[0], statistics.paired_lower_bound(better, worse, radiographs))
    # By symmetry: the lower bound of the active version's gain is the upper bound of the candidate's.
    upper = max(resampled[1], -statistics.paired_lower_bound(worse, better, radiographs))
    detail = (
        f"Candidate {difference.candidate:.1%}, active version {difference.active:.1%} on "
        f"{_radiographs(radiographs)} with {target}; "
        f"lower bound of the difference {lower:+.1%}, allowed {-SENSITIVITY_MARGIN:+.0%}."
    )
    outcome = _outcome(lower, upper, -SENSITIVITY_MARGIN)
    figures = (radiographs, difference.difference, lower, upper, -SENSITIVITY_MARGIN)
    return Rule(name, outcome, detail, *figures)


def mcnemar_rule(better: int, worse: int, p: float, *, radiographs: int) -> Rule:
    """Judge the accuracy of all classes by McNemar's exact test."""
    detail = (
        f"Only the candidate is correct on {_radiographs(better)}, "
        f"only the active version on {worse} (p = {p:.3f})."
    )
    outcome = _mcnemar_outcome(better, worse, p, radiographs)
    return Rule("accuracy", outcome, detail, n=radiographs, value=p, threshold=SIGNIFICANT)


def _mcnemar_outcome(better: int, worse: int, p: float, radiographs: int) -> Outcome:
    if better < worse and p < SIGNIFICANT:
        return "broken"
    # With 5 discordant radiographs or fewer, all of them against the candidate, p is 0.06 or more.
    powerless = statistics.mcnemar_exact(0, better + worse) >= SIGNIFICANT
    if radiographs < MIN_RADIOGRAPHS or (better < worse and powerless):
        return "undecided"
    return "kept"


def auroc_rule(candidate: Evaluation, active: Evaluation, target: str) -> Rule:
    """Judge the AUROC of the target by DeLong's test."""
    name, truth = "AUROC", candidate.truth(target)
    if len(truth) < MIN_RADIOGRAPHS or min(truth.sum(), (~truth).sum()) < MIN_FOR_AUROC:
        text = f"Too few radiographs with or without {target} for an AUROC."
        return Rule(name, "undecided", text, n=len(truth), threshold=-AUROC_MARGIN)
    areas = statistics.delong(candidate.scores(target), active.scores(target), truth)
    margin = statistics.ONE_SIDED_95 * areas.difference_error
    lower, upper = areas.difference - margin, areas.difference + margin
    detail = (
        f"Candidate {areas.first:.3f}, active version {areas.second:.3f}; "
        f"lower bound of the difference {lower:+.3f}, allowed {-AUROC_MARGIN:+.2f}."
    )
    outcome = _outcome(lower, upper, -AUROC_MARGIN)
    return Rule(name, outcome, detail, len(truth), areas.difference, lower, upper, -AUROC_MARGIN)


def calibration_rule(candidate: Evaluation, active: Evaluation) -> Rule:
    """Judge the calibration error."""
    difference = candidate.calibration_error - active.calibration_error
    worse: Outcome = "broken" if difference > CALIBRATION_MARGIN else "kept"
    outcome = "undecided" if candidate.radiographs < MIN_RADIOGRAPHS else worse
    detail = (
        f"Calibration error of the candidate {candidate.calibration_error:.3f}, of the active version "
        f"{active.calibration_error:.3f}; allowed difference {CALIBRATION_MARGIN:+.2f}."
    )
    figures = {"value": difference, "threshold": CALIBRATION_MARGIN}
    return Rule("calibration", outcome, detail, n=candidate.radiographs, **figures)


def subgroup_rule(candidate: Evaluation, active: Evaluation, target: str) -> Rule:
    """Judge the subgroup with the largest loss of sensitivity."""
    losses = _subgroup_differences(candidate, active, target)
    if not losses:
        text = f"No source and no view has {MIN_IN_SUBGROUP} radiographs with {target}."
        return Rule("subgroups", "kept", text, threshold=-SUBGROUP_MARGIN)
    difference, n, kind = min(losses)
    outcome: Outcome = "broken" if difference < -SUBGROUP_MARGIN else "kept"
    detail = (
        f"Largest change of the sensitivity: {difference:+.1%} on {_radiographs(n)} of one {kind}; "
        f"allowed {-SUBGROUP_MARGIN:+.0%}."
    )
    return Rule("subgroups", outcome, detail, n=n, value=difference, threshold=-SUBGROUP_MARGIN)


def _subgroup_differences(
    candidate: Evaluation, active: Evaluation, target: str
) -> list[tuple[float, int, str]]:
    truth = candidate.truth(target)
    first, second = candidate.predicted(target), active.predicted(target)
    found = []
    for kind in ("source", "view"):
        values = np.array([getattr(row, kind) for row in candidate.rows])
        for value in sorted({*values[truth].tolist()} - {""}):
            among = truth & (values == value)
            if among.sum() >= MIN_IN_SUBGROUP:
                found.append((mean_difference(first, second, among), int(among.sum()), kind))
    return found


def counts_rule(candidate: Evaluation, active: Evaluation) -> Rule:
    """Judge whether every class has enough radiographs for a verdict."""
    counts = {
        label: int(candidate.truth(label).sum())
        for label in sort_classes({*candidate.labels, *active.labels})
    }
    fewest = min(counts.values())
    listed = ", ".join(f"{label} {count}" for label, count in counts.items())
    detail = f"Radiographs of the test set: {listed}; at least {MIN_PER_CLASS} of each are needed."
    outcome: Outcome = "kept" if fewest >= MIN_PER_CLASS else "undecided"
    return Rule("counts", outcome, detail, n=candidate.radiographs, value=fewest, threshold=MIN_PER_CLASS)


def _radiographs(number: int) -> str:
    return "1 radiograph" if number == 1 else f"{number} radiographs"


def _outcome(lower: float, upper: float, margin: float) -> Outcome:
    if lower > margin:
        return "kept"
    return "broken" if upper < margin else "undecided"


def discordant(first: Truth, second: Truth) -> tuple[int, int]:
    """Return how many radiographs only the first and only the second version has right."""
    return int((first & ~second).sum()), int((~first & second).sum())


def mean_difference(first: Truth, second: Truth, among: Truth) -> float:
    """Return the difference of two proportions among some radiographs."""
    return float(first[among].mean() - second[among].mean())


def resampled_differences(first: Truth, second: Truth, among: Truth, weights: Floats) -> Floats:
    """Return the difference of two proportions among some radiographs, one for each row of weights."""
    differences = first.astype(float) - second.astype(float)
    total = weights @ among
    resampled: Floats = np.divide(
        weights @ (differences * among), total, out=np.full(len(total), np.nan), where=total > 0
    )
    return resampled
