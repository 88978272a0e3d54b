"""Comparison of a candidate with the active version: verdicts of the six rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ml.metrics.comparison import Comparison, compare
from ml.metrics.comparison_rules import Rule
from ml.metrics.evaluation_result import Evaluation, from_logits
from tests.ml.evaluations import MANIFEST, evaluation_with_errors, labelled_images


def _compared(labels: Sequence[str], candidate: Sequence[int], active: Sequence[int]) -> Comparison:
    return compare(
        evaluation_with_errors(labels=labels, wrong=candidate, version="v2"),
        evaluation_with_errors(labels=labels, wrong=active),
    )


def _rule(comparison: Comparison, name: str) -> Rule:
    return next(rule for rule in comparison.rules if rule.name == name)


def with_views(evaluation: Evaluation, views: Sequence[str]) -> Evaluation:
    rows = [replace(row, view=view) for row, view in zip(evaluation.rows, views, strict=True)]
    return replace(evaluation, rows=tuple(rows))


def test_a_better_candidate_is_accepted() -> None:
    labels = ["covid-19"] * 120 + ["normal"] * 120 + ["pneumonia"] * 10
    comparison = _compared(labels, [], range(0, 240, 8))
    assert comparison.verdict == "accept"
    assert comparison.sensitivity.difference == pytest.approx(15 / 120)
    assert (comparison.only_candidate_right, comparison.only_active_right) == (30, 0)


def test_a_worse_candidate_is_rejected_with_a_reason() -> None:
    comparison = _compared(["covid-19"] * 120 + ["normal"] * 120, range(0, 240, 4), [])
    assert comparison.verdict == "reject"
    assert "70.0%" not in comparison.reason
    assert "Candidate 75.0%, active version 100.0% on 120 radiographs with covid-19" in comparison.reason


def test_few_radiographs_are_inconclusive_even_without_a_difference() -> None:
    labels = ["covid-19"] * 10 + ["normal"] * 10
    assert _compared(labels, [], []).verdict == "inconclusive"


def test_equal_versions_are_accepted_on_enough_radiographs() -> None:
    labels = ["covid-19"] * 60 + ["normal"] * 60 + ["pneumonia"] * 10
    assert _compared(labels, [3], [3]).verdict == "accept"


@pytest.mark.parametrize(("pneumonia", "outcome"), [(0, "undecided"), (9, "undecided"), (10, "kept")])
def test_a_class_with_fewer_than_ten_radiographs_leaves_the_verdict_open(
    pneumonia: int, outcome: str
) -> None:
    comparison = _compared(["covid-19"] * 60 + ["normal"] * 60 + ["pneumonia"] * pneumonia, [], [])
    rule = _rule(comparison, "counts")
    assert (rule.outcome, rule.value, rule.threshold) == (outcome, pneumonia, 10)
    assert comparison.verdict == ("accept" if outcome == "kept" else "inconclusive")


def test_a_sensitivity_of_0_against_1_on_three_radiographs_is_never_accepted() -> None:
    comparison = _compared(["covid-19"] * 3 + ["normal"] * 40 + ["pneumonia"] * 40, [0, 1, 2], [])
    assert (comparison.sensitivity.candidate, comparison.sensitivity.active) == (0.0, 1.0)
    assert comparison.verdict != "accept"


def test_a_rule_is_stored_with_its_figures() -> None:
    labels = ["covid-19"] * 100 + ["normal"] * 100
    rule = _rule(_compared(labels, range(50), []), "sensitivity")
    assert (rule.n, rule.value, rule.threshold) == (100, -0.5, -0.05)
    # Without radiographs that only the candidate has right, the 95 % Wald bound of 50 of 100 is 0.5 - 0.082.
    assert rule.low is not None
    assert rule.high is not None
    assert rule.low < -0.5 < rule.high < -0.4


@pytest.mark.parametrize(("error", "outcome"), [(0.019, "kept"), (0.021, "broken")])
def test_a_calibration_error_worse_by_more_than_two_points_rejects(error: float, outcome: str) -> None:
    active = evaluation_with_errors(labels=["covid-19", "normal"] * 20)
    candidate = replace(active, version="v2", calibration_error=active.calibration_error + error)
    assert _rule(compare(candidate, active), "calibration").outcome == outcome


@pytest.mark.parametrize(
    ("wrong", "radiographs", "outcome"),
    [(2, 20, "kept"), (3, 20, "broken"), (3, 19, "kept")],  # 0.10 is allowed, 0.15 of 20 is not
)
def test_a_view_that_loses_more_than_a_tenth_of_its_sensitivity_rejects(
    wrong: int, radiographs: int, outcome: str
) -> None:
    views = ["AP"] * radiographs + ["PA"] * (200 - radiographs)
    labels = ["covid-19"] * 200
    candidate = with_views(evaluation_with_errors(labels=labels, wrong=range(wrong)), views)
    active = with_views(evaluation_with_errors(labels=labels), views)
    assert _rule(compare(candidate, active), "subgroups").outcome == outcome


def test_ordinary_test_sets_name_source_and_view_of_each_radiograph() -> None:
    images = [replace(labelled_images(["normal"])[0], source="a hospital", view="AP")]
    rows = from_logits(MANIFEST, images, np.zeros((1, 3))).rows
    assert (rows[0].source, rows[0].view) == ("a hospital", "AP")


def test_a_test_set_with_few_radiographs_of_the_target_is_inconclusive() -> None:
    comparison = compare(
        evaluation_with_errors(labels=["covid-19", "normal"] * 2, version="v2"),
        evaluation_with_errors(labels=["covid-19", "normal"] * 2),
    )
    assert comparison.verdict == "inconclusive"
    json.dumps(comparison.to_json(), allow_nan=False)


def test_mcnemars_test_alone_can_reject() -> None:
    # The sensitivity for the target is unchanged, but the accuracy of the other classes is lower.
    labels = ["covid-19"] * 100 + ["pneumonia"] * 100
    comparison = _compared(labels, range(100, 125), range(100, 105))
    assert [rule.outcome for rule in comparison.rules][:2] == ["kept", "broken"]
    assert comparison.verdict == "reject"


@pytest.mark.parametrize(
    ("radiographs", "candidate", "active", "outcome"),
    [
        (12, [0, 1, 2], [], "undecided"),  # 0 against 3
        (12, [], [0, 1, 2], "undecided"),  # 3 against 0
        (29, [], [], "undecided"),
        (30, [], [], "kept"),
        (200, [0, 1, 2], [], "undecided"),  # p = 0.25, and no result of three could reach 0.05
        (200, [], [0, 1, 2], "kept"),
        (200, [0, 1, 2, 3, 4, 5], [], "broken"),  # p = 2 / 2**6 = 0.031
    ],
)
def test_mcnemars_test_is_undecided_on_few_radiographs(
    radiographs: int, candidate: list[int], active: list[int], outcome: str
) -> None:
    assert _compared(["normal"] * radiographs, candidate, active).rules[1].outcome == outcome


def test_each_value_of_a_rule_is_named_after_its_version() -> None:
    labels = ["covid-19"] * 2 + ["normal"] * 28
    sensitivity, _, auroc = _compared(labels, [0, 1], []).rules[:3]
    assert "Candidate 0.0%, active version 100.0% on 2 radiographs with covid-19" in sensitivity.detail
    assert auroc.detail.startswith("Candidate 0.500, active version 1.000; ")


def test_the_auroc_is_undecided_on_few_radiographs() -> None:
    # With two radiographs of the target DeLong's variance is zero: the interval would have no width.
    assert _compared(["covid-19"] * 2 + ["normal"] * 27, [0, 1], []).rules[2].outcome == "undecided"


def test_evaluations_on_different_radiographs_are_refused() -> None:
    with pytest.raises(ValueError, match="same radiographs"):
        compare(evaluation_with_errors(labels=["normal"] * 3), evaluation_with_errors(labels=["normal"] * 4))
