"""Uncertainty of a prediction: its text, the pages that show it, and blinding."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.presenters import uncertainty
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import SendRadiograph
from tests.cases.predictions import finish_prediction

OUT_OF_DISTRIBUTION = "Out of distribution: unlike the training radiographs. Do not rely on the score."
PROBABILITIES = {"covid-19": 0.6, "pneumonia": 0.3, "normal": 0.1}
OUTSIDE = {
    "knn": {"value": 0.71, "limit": 0.52},
    "mahalanobis": {"value": 21.0, "limit": 33.0},
    "energy": {"value": -2.0, "limit": -1.0},
}
INSIDE = OUTSIDE | {"knn": {"value": 0.31, "limit": 0.52}}

PREDICTIONS: dict[str, dict[str, Any]] = {
    "finding": {
        "outcome": "finding",
        "candidates": ["covid-19"],
        "out_of_distribution": INSIDE,
        "abstention": 0.5,
    },
    "indeterminate": {
        "outcome": "indeterminate",
        "candidates": ["covid-19", "pneumonia"],
        "out_of_distribution": INSIDE,
    },
    "ood": {
        "outcome": "out-of-distribution",
        "candidates": ["covid-19"],
        "out_of_distribution": OUTSIDE,
        "abstention": 1.0,
    },
    "no thresholds": {},
}


def uncertainty_with(**columns: Any) -> uncertainty.Uncertainty:
    return uncertainty.uncertainty_of(
        Prediction(**{"finding": "covid-19", "probabilities": PROBABILITIES} | columns)
    )


@pytest.mark.parametrize(
    ("columns", "headline"),
    [
        (PREDICTIONS["finding"], "COVID-19 pattern"),
        (PREDICTIONS["indeterminate"], "Indeterminate: cannot separate COVID-19 from pneumonia"),
        (
            {"outcome": "indeterminate", "candidates": ["covid-19", "pneumonia", "normal"]},
            "Indeterminate: cannot separate COVID-19, pneumonia and normal",
        ),
        # The only candidate is not the most probable class: both are named, the more probable first.
        (
            {"outcome": "indeterminate", "candidates": ["normal"]},
            "Indeterminate: cannot separate COVID-19 from normal",
        ),
        (PREDICTIONS["ood"], OUT_OF_DISTRIBUTION),
        ({"outcome": "out-of-distribution", "candidates": []}, OUT_OF_DISTRIBUTION),
        ({"outcome": "finding", "candidates": []}, ""),
        (PREDICTIONS["no thresholds"], ""),
    ],
)
def test_the_outcome_is_one_sentence(columns: dict[str, Any], headline: str) -> None:
    assert uncertainty_with(**columns).headline == headline


@pytest.mark.parametrize(
    ("name", "separable", "ood"),
    [
        ("finding", "yes", "no"),
        ("indeterminate", "no", "no"),
        ("ood", "yes", "yes"),
        ("no thresholds", "not measured", "not measured"),
    ],
)
def test_separability_and_distribution_are_shown(name: str, separable: str, ood: str) -> None:
    shown = uncertainty_with(**PREDICTIONS[name])
    assert (shown.separable, shown.out_of_distribution) == (separable, ood)


def test_without_a_reference_the_distribution_is_not_measured() -> None:
    shown = uncertainty_with(outcome="finding", candidates=["covid-19"], out_of_distribution={})
    assert (shown.separable, shown.out_of_distribution, shown.measures) == ("yes", "not measured", [])


@pytest.mark.parametrize(
    ("abstention", "warnings"),
    [
        (0.5, []),
        (0.6, []),
        (0.61, ["Low probability: this version reached 95% accuracy only from 0.61 upwards."]),
        (1.0, ["This version reached 95% accuracy at no probability."]),
        (None, []),
    ],
)
def test_a_low_probability_has_a_warning(abstention: float | None, warnings: list[str]) -> None:
    assert (
        uncertainty_with(outcome="finding", candidates=["covid-19"], abstention=abstention).warnings
        == warnings
    )


def test_every_known_quality_flag_has_a_text() -> None:
    flags = ["small", "long", "flat", "coloured", "inverted", "of a later release"]
    warnings = uncertainty_with(quality_flags=flags).warnings
    assert len(warnings) == 5
    assert all(warning.endswith(".") for warning in warnings)


@pytest.fixture
def case(send_radiograph: SendRadiograph) -> Case:
    return send_radiograph(1, patient_ref="P-1", accession_number="ACC-17")


def predict(case: Case, version: ModelVersion, name: str) -> None:
    finish_prediction(case, version)
    case.predictions.update(**PREDICTIONS[name])


def main_text(user: User, address: str) -> str:
    client = Client()
    client.force_login(user)
    html = client.get(address).content.decode()
    text = re.sub(r"<[^>]+>", " ", html[html.index("<main") : html.index("</main>")])
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("finding", "COVID-19 pattern"),
        ("indeterminate", "Indeterminate: cannot separate COVID-19 from pneumonia"),
        ("ood", OUT_OF_DISTRIBUTION),
    ],
)
def test_the_case_page_shows_the_outcome_and_the_score(
    case: Case, version: ModelVersion, technician: User, name: str, headline: str
) -> None:
    predict(case, version, name)
    html = main_text(technician, reverse("cases:case", args=[case.pk]))
    assert headline in html
    assert "COVID-19 0.83 (threshold 0.41)" in html
    assert "Distance to the nearest training radiographs" in html
    assert not re.search(r"\b(positive|negative|diagnosis|lesion)\b", html, re.IGNORECASE)


def test_the_case_page_shows_what_was_not_measured(
    case: Case, version: ModelVersion, technician: User
) -> None:
    predict(case, version, "no thresholds")
    html = main_text(technician, reverse("cases:case", args=[case.pk]))
    assert "Separable not measured" in html
    assert "Out of distribution not measured" in html
    assert "pattern" not in html


@pytest.mark.parametrize(
    ("name", "label"), [("indeterminate", "Indeterminate"), ("ood", "Out of distribution")]
)
def test_the_list_marks_predictions_that_are_not_one_finding(
    case: Case, version: ModelVersion, technician: User, name: str, label: str
) -> None:
    predict(case, version, "finding")
    assert label not in main_text(technician, reverse("cases:list"))
    case.predictions.update(**PREDICTIONS[name])
    assert label in main_text(technician, reverse("cases:list"))


@pytest.mark.parametrize("name", ["finding", "indeterminate", "ood"])
def test_a_radiologist_sees_no_uncertainty_before_reading(
    case: Case, version: ModelVersion, radiologist: User, name: str
) -> None:
    predict(case, version, name)
    case.predictions.update(quality_flags=["inverted"], abstention=1.0)
    for address in (
        reverse("cases:case", args=[case.pk]),
        reverse("cases:list"),
        reverse("cases:list"),
        reverse("review:case", args=[case.pk]),
    ):
        leaks = re.findall(
            r"pattern|separa|unlike|indeterminate|distribution|95%|threshold|inverted|energy|distance",
            main_text(radiologist, address),
            re.IGNORECASE,
        )
        assert leaks == []
