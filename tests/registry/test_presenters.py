"""Metrics, limits, data sets and comparisons as shown on pages."""

from __future__ import annotations

from collections import Counter

import pytest

from diagnostics.registry.presenters import badges, comparison, data_set, metrics, subsets
from ml.metrics.comparison import compare
from tests.ml.evaluations import evaluation_with_errors

ESTIMATE = {"value": 0.8125, "low": 0.7, "high": 0.9, "n": 64}
RESULTS = {
    "radiographs": 64,
    "patients": 50,
    "accuracy": ESTIMATE,
    "per_class": {
        "normal": {"radiographs": 32, "patients": 30, "auroc": {"value": None, "low": None, "high": None}},
        "covid-19": {"radiographs": 32, "patients": 20, "auroc": ESTIMATE, "flag_sensitivity": ESTIMATE},
        "pneumonia": {"radiographs": 0, "patients": 0},
    },
}


def test_metrics_are_shown_with_their_interval_and_undefined_ones_as_a_dash() -> None:
    (table,) = metrics.evaluation_results({"metrics": {"test": RESULTS}})

    assert [row.label for row in table.rows] == ["COVID-19", "Normal"]
    assert table.rows[0].auroc == "0.812 [0.70, 0.90]"
    assert table.rows[1].auroc == "-"
    assert table.rows[1].sensitivity == "-"


@pytest.mark.parametrize(
    ("radiographs", "text"),
    [(64, "COVID-19: AUROC 0.812 [0.70, 0.90], n=64"), (29, "COVID-19: too few test radiographs, n=29")],
)
def test_no_metric_is_shown_for_fewer_than_30_test_radiographs(radiographs: int, text: str) -> None:
    manifest = {"metrics": RESULTS | {"radiographs": radiographs}, "training": {"counts": {}}}

    assert metrics.performance(manifest) == text


def test_a_version_without_metrics_is_shown_as_not_evaluated() -> None:
    assert metrics.performance({"metrics": {}}) == "not evaluated"


def test_the_limits_of_prediction_sets_are_listed_by_finding() -> None:
    manifest = {"conformal": {"normal": 1.0, "covid-19": 0.92}, "abstention": 0.85}

    assert [(fact.label, fact.value) for fact in metrics.prediction_set_limits(manifest)] == [
        ("COVID-19 is not excluded", "from a probability of 0.08"),
        ("Normal is not excluded", "always: too few radiographs to exclude it"),
        ("At least 95 % correct", "from a score of 0.85"),
    ]


@pytest.mark.parametrize(
    ("abstention", "text"), [(1.0, "at no score"), (None, "not measured"), (0.5, "from a score of 0.50")]
)
def test_the_score_of_95_percent_accuracy_is_listed(abstention: float | None, text: str) -> None:
    assert metrics.prediction_set_limits({"abstention": abstention})[-1].value == text


def test_out_of_distribution_limits_are_listed_with_their_reference() -> None:
    out_of_distribution = {
        "knn": 0.5,
        "mahalanobis": 30.0,
        "energy": -1.25,
        "source": "training set",
        "reference_radiographs": 900,
        "calibration_radiographs": 310,
    }

    assert [
        fact.value
        for fact in metrics.out_of_distribution_limits({"out_of_distribution": out_of_distribution})
    ] == [
        "900 radiographs of the training set; limits calibrated on 310 others",
        "at most 0.500",
        "at most 30.00",
        "at most -1.25",
    ]
    assert metrics.out_of_distribution_limits({}) == ()


def test_a_data_set_is_shown_by_part_and_finding() -> None:
    table = data_set.data_set_table(
        {
            "train": {"normal": {"cases": 9, "patients": 7}},
            "test": {"covid-19": {"cases": 2, "patients": 1}},
            "excluded": {"radiograph_missing": {"cases": 1, "patients": 0}},
        }
    )

    assert table is not None
    assert table.findings == ("COVID-19", "Normal")
    assert [row.label for row in table.rows] == ["Training set", "Test set"]
    assert [row.cells for row in table.rows] == [("0", "9 (7)"), ("2 (1)", "0")]
    assert table.exclusions == ("1 radiograph excluded: the stored radiograph is missing",)


@pytest.mark.parametrize(
    ("verdict", "compared_with", "text"),
    [
        ("reject", "v1", "Inferior to v1"),
        ("accept", "v1", "Not inferior to v1"),
        ("inconclusive", "v1", "Too few cases for a verdict"),
        ("none", "", "Not compared"),
        ("reject", "", "Inferior to the active version"),
    ],
)
def test_a_verdict_names_the_version_of_the_comparison(verdict: str, compared_with: str, text: str) -> None:
    """The candidate may be active since; then 'the active version' would be itself."""
    assert badges.verdict_badge(verdict, compared_with).label == text


def test_every_rule_of_a_comparison_has_a_label() -> None:
    labels = ["covid-19", "normal"] * 20
    versions = [evaluation_with_errors(labels=labels, wrong=wrong) for wrong in ([], [1])]

    shown = comparison.comparison_of(compare(*versions).to_json())

    assert shown is not None
    assert [rule.label for rule in shown.rules] == [
        "Sensitivity",
        "Accuracy (McNemar's test)",
        "AUROC (DeLong's test)",
        "Calibration error",
        "Sensitivity in each subgroup",
        "Radiographs of each class",
    ]


def test_differences_are_shown_with_their_sign_and_interval() -> None:
    row = {"candidate": 0.7, "active": 0.75, "difference": -0.05, "low": -0.1, "high": 0.02}
    shown = comparison.comparison_of(
        {
            "active": "v3",
            "radiographs": 60,
            "patients": 9,
            "target": "covid-19",
            "with_target": 30,
            "sensitivity": row,
            "rules": [{"name": "findings", "outcome": "broken", "detail": "Why."}],
        }
    )

    assert shown is not None
    assert shown.rows[0].difference == "-0.050 [-0.100, +0.020]"
    assert shown.rules[0].label == "Recognises every finding of the active version"
    assert (shown.rules[0].badge.tone, shown.rules[0].badge.label) == ("stat", "not met")
    assert comparison.comparison_of({}) is None


def test_few_radiographs_have_no_interval_and_keep_no_rule() -> None:
    zero_width = {"candidate": 0.0, "active": 1.0, "difference": -1.0, "low": -1.0, "high": -1.0}
    stored = {
        "active": "v1",
        "radiographs": 12,
        "patients": 12,
        "target": "covid-19",
        "with_target": 1,
        "sensitivity": zero_width,
        "auroc": zero_width,
        "rules": [{"name": "accuracy", "outcome": "kept", "detail": "3 against 0."}],
    }

    shown = comparison.comparison_of(stored)

    assert shown is not None
    assert [row.difference for row in shown.rows] == ["-1.000 (n = 1)", "-1.000 (n = 1)"]
    assert shown.rules[0].badge.label == "inconclusive"


def test_a_class_of_one_radiograph_has_no_interval() -> None:
    zero_width = {"value": 0.5, "low": 0.5, "high": 0.5, "n": 240}
    row = {"radiographs": 1, "patients": 1, "auroc": zero_width, "flag_sensitivity": ESTIMATE | {"n": 1}}
    (table,) = metrics.evaluation_results({"metrics": RESULTS | {"per_class": {"other": row}}})

    assert (table.rows[0].auroc, table.rows[0].sensitivity) == ("0.500 (n = 1)", "0.812 (n = 1)")


@pytest.mark.parametrize(
    ("radiographs", "text"),
    [(29, "too few radiographs of the validation set, n=29"), (30, "from a score of 0.88")],
)
def test_the_score_of_95_percent_accuracy_needs_30_radiographs(radiographs: int, text: str) -> None:
    counts = {"validation": {"normal": {"cases": radiographs, "patients": 1}}}
    manifest = {"abstention": 0.88, "training": {"counts": counts}}

    assert metrics.prediction_set_limits(manifest)[-1].value == text


@pytest.mark.parametrize(("parent", "text"), [("", "none (trained from scratch)"), ("v1", "v1")])
def test_a_network_without_a_parent_is_shown_as_trained_from_scratch(parent: str, text: str) -> None:
    manifest = {
        "architecture": {"family": "vgg16", "size": 160, "classes": ["covid-19"]},
        "preprocessing": {"geometry": "square-crop", "scale": "zscore"},
        "parent": parent,
    }

    assert {fact.label: fact.value for fact in metrics.properties(manifest)}["Fine-tuned from"] == text


def test_bars_name_the_largest_groups_and_count_the_others() -> None:
    counts = Counter({f"2026-{month:02}": 100 + month for month in range(1, 13)})

    bars = subsets.bar_chart("By month of the study", counts).bars

    assert [bar.label for bar in bars[:2]] == ["2026-12", "2026-11"]
    assert bars[-1].label == "6 others"
    assert sum(bar.radiographs for bar in bars) == sum(counts.values())
