"""Decide whether a candidate is good enough to follow the version in force.

The gate, after guide section 6, with three outcomes. Measured on the same radiographs, for the target finding:

1. sensitivity: the one-sided 95 % lower bound of the difference is above -0.05, both by resampling patients
   and by Tango's score bound, which stays wide where few radiographs hide the discordance (52 radiographs with the
   finding are needed even if the two versions agree on each);
2. right or wrong, any class: McNemar's exact test does not find the candidate significantly worse;
3. AUROC: DeLong's one-sided 95 % lower bound of the difference is above -0.02.

All kept: accept. One broken beyond doubt (the whole interval below the margin, or McNemar significant):
reject. Otherwise the radiographs are too few to tell: inconclusive.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED, TARGET, Evaluation, plain
from ml.metrics.statistics import Floats, Truth

Verdict = Literal["accept", "reject", "inconclusive"]
Outcome = Literal["kept", "broken", "undecided"]

SENSITIVITY_MARGIN: Final = 0.05
AUROC_MARGIN: Final = 0.02
SIGNIFICANT: Final = 0.05
FEWEST_FOR_AUROC: Final = 2  # radiographs on either side; a variance needs two


@dataclass(frozen=True)
class Difference:
    """One figure of both versions, and candidate minus in force with its 95 % interval."""

    candidate: float
    active: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Rule:
    """One rule of the gate: kept, broken, or not decided by these radiographs."""

    name: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True)
class Comparison:
    """A candidate beside the version in force, on the same radiographs."""

    candidate: str
    active: str
    target: str
    radiographs: int
    patients: int
    with_target: int
    sensitivity: Difference
    auroc: Difference
    accuracy: Difference
    calibration_error: Difference
    only_candidate_right: int
    only_active_right: int
    mcnemar_p: float
    rules: tuple[Rule, ...]
    verdict: Verdict
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values; undefined numbers are None."""
        return plain(asdict(self))


def compare(candidate: Evaluation, active: Evaluation) -> Comparison:
    """Compare two versions on the same radiographs; raises ValueError if the radiographs differ."""
    if [row.radiograph for row in candidate.rows] != [row.radiograph for row in active.rows]:
        raise ValueError("The two versions were not measured on the same radiographs.")
    target = TARGET if TARGET in candidate.labels else candidate.labels[0]
    weights = statistics.patient_weights(candidate.groups(), seed=SEED)
    truth = candidate.truth(target)
    better, worse = _discordant(_right(candidate), _right(active))
    sensitivity = _share(candidate.named(target), active.named(target), truth, weights)
    p = statistics.mcnemar_exact(better, worse)
    rules = (
        _sensitivity_rule(sensitivity, candidate, active, target, weights),
        _mcnemar_rule(better, worse, p),
        _auroc_rule(candidate, active, target),
    )
    verdict, reason = _verdict(rules)
    return Comparison(
        candidate=candidate.version,
        active=active.version,
        target=target,
        radiographs=candidate.radiographs,
        patients=candidate.patients,
        with_target=int(truth.sum()),
        sensitivity=sensitivity,
        auroc=_auroc(candidate, active, target, weights),
        accuracy=_share(_right(candidate), _right(active), np.ones_like(truth), weights),
        calibration_error=_plain_difference(candidate.calibration_error, active.calibration_error),
        only_candidate_right=better,
        only_active_right=worse,
        mcnemar_p=p,
        rules=rules,
        verdict=verdict,
        reason=reason,
    )


def _right(evaluation: Evaluation) -> Truth:
    return np.array([row.finding == row.label for row in evaluation.rows], dtype=bool)


def _discordant(first: Truth, second: Truth) -> tuple[int, int]:
    return int((first & ~second).sum()), int((~first & second).sum())


def _share(first: Truth, second: Truth, among: Truth, weights: Floats) -> Difference:
    """Compare two proportions among the same radiographs, the interval by resampling patients."""
    if not among.any():
        return _plain_difference(float("nan"), float("nan"))
    low, high = statistics.percentile_interval(_resampled(first, second, among, weights))
    return Difference(
        float(first[among].mean()), float(second[among].mean()), _mean_gap(first, second, among), low, high
    )


def _mean_gap(first: Truth, second: Truth, among: Truth) -> float:
    return float(first[among].mean() - second[among].mean())


def _resampled(first: Truth, second: Truth, among: Truth, weights: Floats) -> Floats:
    gap = first.astype(float) - second.astype(float)
    total = weights @ among
    resampled: Floats = np.divide(
        weights @ (gap * among), total, out=np.full(len(total), np.nan), where=total > 0
    )
    return resampled


def _auroc(candidate: Evaluation, active: Evaluation, target: str, weights: Floats) -> Difference:
    truth = candidate.truth(target)
    scores = candidate.scores(target), active.scores(target)
    areas = [statistics.auroc(score, truth) for score in scores]
    gaps = [statistics.weighted_auroc(score, truth, weights) for score in scores]
    low, high = statistics.percentile_interval(gaps[0] - gaps[1])
    return Difference(areas[0], areas[1], areas[0] - areas[1], low, high)


def _plain_difference(first: float, second: float) -> Difference:
    return Difference(first, second, first - second, float("nan"), float("nan"))


def _sensitivity_rule(
    found: Difference, candidate: Evaluation, active: Evaluation, target: str, weights: Floats
) -> Rule:
    name = "sensitivity"
    truth = candidate.truth(target)
    if not truth.any():
        return Rule(name, "undecided", f"No radiograph of the test shows {target}.")
    first, second = candidate.named(target), active.named(target)
    better, worse = _discordant(first & truth, second & truth)
    resampled = statistics.percentile_interval(_resampled(first, second, truth, weights), level=0.90)
    radiographs = int(truth.sum())
    lower = min(resampled[0], statistics.paired_lower_bound(better, worse, radiographs))
    # The mirror of the bound: what the version in force gains at least is what the candidate loses.
    upper = max(resampled[1], -statistics.paired_lower_bound(worse, better, radiographs))
    detail = (
        f"{found.candidate:.1%} against {found.active:.1%} on {radiographs} radiographs; "
        f"the difference may be as low as {lower:+.1%}, {-SENSITIVITY_MARGIN:+.0%} is allowed."
    )
    return Rule(name, _outcome(lower, upper, -SENSITIVITY_MARGIN), detail)


def _mcnemar_rule(better: int, worse: int, p: float) -> Rule:
    broken = better < worse and p < SIGNIFICANT
    detail = f"Only the candidate is right on {better} radiographs, only the version in force on {worse} (p = {p:.3f})."
    return Rule("right or wrong", "broken" if broken else "kept", detail)


def _auroc_rule(candidate: Evaluation, active: Evaluation, target: str) -> Rule:
    name, truth = "AUROC", candidate.truth(target)
    if min(truth.sum(), (~truth).sum()) < FEWEST_FOR_AUROC:
        return Rule(name, "undecided", f"Too few radiographs with or without {target} for an AUROC.")
    areas = statistics.delong(candidate.scores(target), active.scores(target), truth)
    reach = statistics.ONE_SIDED_95 * areas.difference_error
    lower, upper = areas.difference - reach, areas.difference + reach
    detail = (
        f"{areas.first:.3f} against {areas.second:.3f}; the difference may be as low as {lower:+.3f}, "
        f"{-AUROC_MARGIN:+.2f} is allowed."
    )
    return Rule(name, _outcome(lower, upper, -AUROC_MARGIN), detail)


def _outcome(lower: float, upper: float, margin: float) -> Outcome:
    if lower > margin:
        return "kept"
    return "broken" if upper < margin else "undecided"


def _verdict(rules: tuple[Rule, ...]) -> tuple[Verdict, str]:
    steps: tuple[tuple[Outcome, Verdict, str], ...] = (
        ("broken", "reject", "The candidate is worse than the version in force"),
        ("undecided", "inconclusive", "These radiographs are too few to tell"),
    )
    for outcome, verdict, opening in steps:
        if found := [rule for rule in rules if rule.outcome == outcome]:
            return verdict, f"{opening}. " + " ".join(f"{rule.name}: {rule.detail}" for rule in found)
    opening = "The candidate is not worse than the version in force"
    return "accept", f"{opening}. {rules[0].name}: {rules[0].detail}"
