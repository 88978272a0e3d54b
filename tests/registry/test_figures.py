"""Stored figures as a person reads them."""

from __future__ import annotations

import pytest

from diagnostics.registry.presenters import comparison, metrics

FIGURE = {"value": 0.8125, "low": 0.7, "high": 0.9, "n": 64}
MEASURED = {
    "radiographs": 64,
    "patients": 50,
    "accuracy": FIGURE,
    "per_class": {
        "normal": {"radiographs": 32, "patients": 30, "auroc": {"value": None, "low": None, "high": None}},
        "covid-19": {"radiographs": 32, "patients": 20, "auroc": FIGURE, "flag_sensitivity": FIGURE},
        "pneumonia": {"radiographs": 0, "patients": 0},
    },
}


def test_figures_carry_their_interval_and_undefined_ones_a_dash() -> None:
    (table,) = metrics.metrics({"metrics": {"test": MEASURED}})

    assert [row.label for row in table.rows] == ["COVID-19", "Normal"]
    assert table.rows[0].auroc == "0.812 [0.70, 0.90]"
    assert table.rows[1].auroc == "-"
    assert table.rows[1].sensitivity == "-"


@pytest.mark.parametrize(
    ("radiographs", "words"),
    [(64, "COVID-19: AUROC 0.812 [0.70, 0.90], n=64"), (29, "COVID-19: too few radiographs to tell, n=29")],
)
def test_a_figure_on_few_radiographs_is_not_shown_as_one(radiographs: int, words: str) -> None:
    manifest = {"metrics": MEASURED | {"radiographs": radiographs}, "training": {"counts": {}}}

    assert metrics.headline(manifest).words == words


def test_a_version_without_metrics_says_so() -> None:
    assert metrics.headline({"metrics": {}}).words == "not measured"


def test_a_version_says_when_it_names_no_finding() -> None:
    manifest = {"conformal": {"normal": 1.0, "covid-19": 0.92}, "abstention": 0.85}

    assert [(fact.label, fact.value) for fact in metrics.limits(manifest)] == [
        ("COVID-19 stays possible", "from 0.08"),
        ("Normal stays possible", "always: too few radiographs to exclude it"),
        ("Right 19 times in 20", "from a score of 0.85"),
    ]


@pytest.mark.parametrize(
    ("abstention", "words"), [(1.0, "at no score"), (None, "not measured"), (0.5, "from a score of 0.50")]
)
def test_the_score_to_rely_on_is_told(abstention: float | None, words: str) -> None:
    assert metrics.limits({"abstention": abstention})[-1].value == words


def test_a_version_says_what_it_compares_a_radiograph_with() -> None:
    out_of_distribution = {
        "knn": 0.5,
        "mahalanobis": 30.0,
        "energy": -1.25,
        "source": "training set",
        "reference_radiographs": 900,
        "calibration_radiographs": 310,
    }

    assert [
        fact.value for fact in metrics.out_of_distribution({"out_of_distribution": out_of_distribution})
    ] == [
        "900 radiographs it learnt from; limits set on 310 others",
        "at most 0.500",
        "at most 30.00",
        "at most -1.25",
    ]
    assert metrics.out_of_distribution({}) == ()


def test_counts_stand_by_part_and_finding() -> None:
    table = metrics.counts(
        {
            "train": {"normal": {"cases": 9, "patients": 7}},
            "test": {"covid-19": {"cases": 2, "patients": 1}},
            "left_out": {"radiograph_missing": {"cases": 1, "patients": 0}},
        }
    )

    assert table is not None
    assert table.classes == ("COVID-19", "Normal")
    assert [row.cells for row in table.rows] == [("0", "9 (7)"), ("2 (1)", "0")]
    assert table.left_out == ("1 radiograph left out: the stored radiograph is missing",)


def test_differences_carry_their_sign() -> None:
    row = {"candidate": 0.7, "active": 0.75, "difference": -0.05, "low": -0.1, "high": 0.02}
    shown = comparison.comparison_of(
        {
            "active": "v3",
            "radiographs": 10,
            "patients": 9,
            "target": "covid-19",
            "with_target": 4,
            "sensitivity": row,
            "rules": [{"name": "findings", "outcome": "broken", "detail": "Why."}],
        }
    )

    assert shown is not None
    assert shown.rows[0].difference == "-0.050 [-0.100, +0.020]"
    assert shown.rules[0].label == "Knows every finding of the version in force"
    assert comparison.comparison_of({}) is None
