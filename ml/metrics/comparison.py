"""Comparison of a candidate with the active version; its verdict is accept, reject or inconclusive.

Both versions are measured on the same radiographs. A non-inferiority test of the target finding has three
rules:

1. sensitivity: the one-sided 95 % lower bound of the difference is above -0.05, both by resampling patients
   and by Tango's score bound, which stays wide for few radiographs (52 with the finding are needed even if
   the two versions agree on each);
2. accuracy of all classes: McNemar's exact test does not find the candidate significantly worse; undecided
   for a worse candidate while so few radiographs differ that the test cannot reject;
3. AUROC: DeLong's one-sided 95 % lower bound of the difference is above -0.02.

Below 30 radiographs rules 2 and 3 are undecided.

Accept: all rules are kept. Reject: a rule is broken, so its whole interval is below the margin or McNemar's
test is significant. Inconclusive: there are too few radiographs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED, TARGET, Evaluation, json_values
from ml.metrics.statistics import Floats, Truth

Verdict = Literal["accept", "reject", "inconclusive"]
Outcome = Literal["kept", "broken", "undecided"]

SENSITIVITY_MARGIN: Final = 0.05
AUROC_MARGIN: Final = 0.02
SIGNIFICANT: Final = 0.05
MIN_RADIOGRAPHS: Final = 30  # below this number neither accuracy nor AUROC is judged
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
    """Outcome of one rule; undecided if there are too few radiographs."""

    name: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True)
class Comparison:
    """Metrics of a candidate and the active version on the same radiographs, and the verdict."""

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
        """Return JSON values; undefined numbers are None."""
        return json_values(asdict(self))


def compare(candidate: Evaluation, active: Evaluation) -> Comparison:
    """Compare two versions; raises ValueError if the evaluations have different radiographs."""
    if [row.radiograph for row in candidate.rows] != [row.radiograph for row in active.rows]:
        raise ValueError("The two versions were not measured on the same radiographs.")
    target = TARGET if TARGET in candidate.labels else candidate.labels[0]
    weights = statistics.patient_weights(candidate.groups(), seed=SEED)
    truth = candidate.truth(target)
    better, worse = _discordant(_correct(candidate), _correct(active))
    sensitivity = _proportions(candidate.predicted(target), active.predicted(target), truth, weights)
    p = statistics.mcnemar_exact(better, worse)
    rules = (
        _sensitivity_rule(sensitivity, candidate, active, target, weights),
        _mcnemar_rule(better, worse, p, radiographs=candidate.radiographs),
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
        accuracy=_proportions(_correct(candidate), _correct(active), np.ones_like(truth), weights),
        calibration_error=_without_interval(candidate.calibration_error, active.calibration_error),
        only_candidate_right=better,
        only_active_right=worse,
        mcnemar_p=p,
        rules=rules,
        verdict=verdict,
        reason=reason,
    )


def _correct(evaluation: Evaluation) -> Truth:
    return np.array([row.finding == row.label for row in evaluation.rows], dtype=bool)


def _discordant(first: Truth, second: Truth) -> tuple[int, int]:
    return int((first & ~second).sum()), int((~first & second).sum())


def _proportions(first: Truth, second: Truth, among: Truth, weights: Floats) -> Difference:
    """Compare two proportions of the radiographs `among`; the interval comes from resampling patients."""
    if not among.any():
        return _without_interval(float("nan"), float("nan"))
    low, high = statistics.percentile_interval(_resampled(first, second, among, weights))
    return Difference(
        float(first[among].mean()),
        float(second[among].mean()),
        _mean_difference(first, second, among),
        low,
        high,
    )


def _mean_difference(first: Truth, second: Truth, among: Truth) -> float:
    return float(first[among].mean() - second[among].mean())


def _resampled(first: Truth, second: Truth, among: Truth, weights: Floats) -> Floats:
    differences = first.astype(float) - second.astype(float)
    total = weights @ among
    resampled: Floats = np.divide(
        weights @ (differences * among), total, out=np.full(len(total), np.nan), where=total > 0
    )
    return resampled


def _auroc(candidate: Evaluation, active: Evaluation, target: str, weights: Floats) -> Difference:
    truth = candidate.truth(target)
    scores = candidate.scores(target), active.scores(target)
    areas = [statistics.auroc(score, truth) for score in scores]
    resampled = [statistics.weighted_auroc(score, truth, weights) for score in scores]
    low, high = statistics.percentile_interval(resampled[0] - resampled[1])
    return Difference(areas[0], areas[1], areas[0] - areas[1], low, high)


def _without_interval(first: float, second: float) -> Difference:
    return Difference(first, second, first - second, float("nan"), float("nan"))


def _sensitivity_rule(
    difference: Difference, candidate: Evaluation, active: Evaluation, target: str, weights: Floats
) -> Rule:
    name = "sensitivity"
    truth = candidate.truth(target)
    if not truth.any():
        return Rule(name, "undecided", f"No radiograph of the test set shows {target}.")
    first, second = candidate.predicted(target), active.predicted(target)
    better, worse = _discordant(first & truth, second & truth)
    resampled = statistics.percentile_interval(_resampled(first, second, truth, weights), level=0.90)
    radiographs = int(truth.sum())
    lower = min(resampled[0], statistics.paired_lower_bound(better, worse, radiographs))
    # By symmetry: the lower bound of the active version's gain is the upper bound of the candidate's.
    upper = max(resampled[1], -statistics.paired_lower_bound(worse, better, radiographs))
    detail = (
        f"Candidate {difference.candidate:.1%}, active version {difference.active:.1%} on {radiographs} "
        f"radiographs with {target}; "
        f"lower bound of the difference {lower:+.1%}, allowed {-SENSITIVITY_MARGIN:+.0%}."
    )
    return Rule(name, _outcome(lower, upper, -SENSITIVITY_MARGIN), detail)


def _mcnemar_rule(better: int, worse: int, p: float, *, radiographs: int) -> Rule:
    detail = (
        f"Only the candidate is correct on {better} radiographs, "
        f"only the active version on {worse} (p = {p:.3f})."
    )
    return Rule("accuracy", _mcnemar_outcome(better, worse, p, radiographs), detail)


def _mcnemar_outcome(better: int, worse: int, p: float, radiographs: int) -> Outcome:
    if better < worse and p < SIGNIFICANT:
        return "broken"
    # With 5 discordant radiographs or fewer, all of them against the candidate, p is 0.06 or more.
    powerless = statistics.mcnemar_exact(0, better + worse) >= SIGNIFICANT
    if radiographs < MIN_RADIOGRAPHS or (better < worse and powerless):
        return "undecided"
    return "kept"


def _auroc_rule(candidate: Evaluation, active: Evaluation, target: str) -> Rule:
    name, truth = "AUROC", candidate.truth(target)
    if len(truth) < MIN_RADIOGRAPHS or min(truth.sum(), (~truth).sum()) < MIN_FOR_AUROC:
        return Rule(name, "undecided", f"Too few radiographs with or without {target} for an AUROC.")
    areas = statistics.delong(candidate.scores(target), active.scores(target), truth)
    margin = statistics.ONE_SIDED_95 * areas.difference_error
    lower, upper = areas.difference - margin, areas.difference + margin
    detail = (
        f"Candidate {areas.first:.3f}, active version {areas.second:.3f}; "
        f"lower bound of the difference {lower:+.3f}, allowed {-AUROC_MARGIN:+.2f}."
    )
    return Rule(name, _outcome(lower, upper, -AUROC_MARGIN), detail)


def _outcome(lower: float, upper: float, margin: float) -> Outcome:
    if lower > margin:
        return "kept"
    return "broken" if upper < margin else "undecided"


def _verdict(rules: tuple[Rule, ...]) -> tuple[Verdict, str]:
    steps: tuple[tuple[Outcome, Verdict, str], ...] = (
        ("broken", "reject", "The candidate is worse than the active version"),
        ("undecided", "inconclusive", "There are too few radiographs to decide"),
    )
    for outcome, verdict, opening in steps:
        if matching := [rule for rule in rules if rule.outcome == outcome]:
            return verdict, f"{opening}. " + " ".join(f"{rule.name}: {rule.detail}" for rule in matching)
    opening = "The candidate is not worse than the active version"
    return "accept", f"{opening}. {rules[0].name}: {rules[0].detail}"
