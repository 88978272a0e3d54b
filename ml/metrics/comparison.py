"""Comparison of a candidate with the active version; its verdict is accept, reject or inconclusive.

Both versions are measured on the same radiographs, by six rules, each stored with its figures:

1. sensitivity: the one-sided 95 % lower bound of the difference is above -0.05, both by resampling patients
   and by Tango's score bound, which stays wide for few radiographs (52 with the finding are needed even if
   the two versions agree on each);
2. accuracy of all classes: McNemar's exact test does not find the candidate significantly worse; undecided
   for a worse candidate while so few radiographs differ that the test cannot reject;
3. AUROC: DeLong's one-sided 95 % lower bound of the difference is above -0.02;
4. calibration: the calibration error is not worse by more than 0.02;
5. subgroups: no source and no view with 20 radiographs of the target loses more than 0.10 of the sensitivity;
6. counts: every class of either version, and every label, has 10 radiographs; undecided otherwise.

Below 30 radiographs rules 2, 3 and 4 are undecided.

Accept: all rules are kept. Reject: a rule is broken, so its whole interval is below the margin or McNemar's
test is significant. Inconclusive: there are too few radiographs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from ml.metrics import statistics
from ml.metrics.comparison_rules import (
    Difference,
    Outcome,
    Rule,
    auroc_rule,
    calibration_rule,
    counts_rule,
    discordant,
    mcnemar_rule,
    mean_difference,
    resampled_differences,
    sensitivity_rule,
    subgroup_rule,
)
from ml.metrics.evaluation_result import SEED, TARGET, Evaluation, json_values
from ml.metrics.statistics import Floats, Truth

Verdict = Literal["accept", "reject", "inconclusive"]


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
    better, worse = discordant(_correct(candidate), _correct(active))
    sensitivity = _proportions(candidate.predicted(target), active.predicted(target), truth, weights)
    p = statistics.mcnemar_exact(better, worse)
    rules = (
        sensitivity_rule(sensitivity, candidate, active, target, weights),
        mcnemar_rule(better, worse, p, radiographs=candidate.radiographs),
        auroc_rule(candidate, active, target),
        calibration_rule(candidate, active),
        subgroup_rule(candidate, active, target),
        counts_rule(candidate, active),
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


def _proportions(first: Truth, second: Truth, among: Truth, weights: Floats) -> Difference:
    """Compare two proportions of the radiographs `among`; the interval comes from resampling patients."""
    if not among.any():
        return _without_interval(float("nan"), float("nan"))
    low, high = statistics.percentile_interval(resampled_differences(first, second, among, weights))
    return Difference(
        float(first[among].mean()),
        float(second[among].mean()),
        mean_difference(first, second, among),
        low,
        high,
    )


def _auroc(candidate: Evaluation, active: Evaluation, target: str, weights: Floats) -> Difference:
    truth = candidate.truth(target)
    scores = candidate.scores(target), active.scores(target)
    areas = [statistics.auroc(score, truth) for score in scores]
    resampled = [statistics.weighted_auroc(score, truth, weights) for score in scores]
    low, high = statistics.percentile_interval(resampled[0] - resampled[1])
    return Difference(areas[0], areas[1], areas[0] - areas[1], low, high)


def _without_interval(first: float, second: float) -> Difference:
    return Difference(first, second, first - second, float("nan"), float("nan"))


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
