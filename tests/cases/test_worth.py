"""What an answer is worth, in words and on the pages, for those who may see it."""

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
from tests.cases.answered import answer_case
from tests.cases.conftest import SendRadiograph

UNLIKE = "Unlike the radiographs this version learnt from: do not rely on the score"
LIKELY = {"covid-19": 0.6, "pneumonia": 0.3, "normal": 0.1}
FAR = {
    "knn": {"value": 0.71, "limit": 0.52},
    "mahalanobis": {"value": 21.0, "limit": 33.0},
    "energy": {"value": -2.0, "limit": -1.0},
}
NEAR = FAR | {"knn": {"value": 0.31, "limit": 0.52}}

ANSWERS: dict[str, dict[str, Any]] = {
    "finding": {
        "outcome": "finding",
        "candidates": ["covid-19"],
        "out_of_distribution": NEAR,
        "abstention": 0.5,
    },
    "two": {"outcome": "indeterminate", "candidates": ["covid-19", "pneumonia"], "out_of_distribution": NEAR},
    "unlike": {
        "outcome": "out-of-distribution",
        "candidates": ["covid-19"],
        "out_of_distribution": FAR,
        "abstention": 1.0,
    },
    "earlier": {},
}


def said(**columns: Any) -> uncertainty.Uncertainty:
    return uncertainty.uncertainty_of(
        Prediction(**{"finding": "covid-19", "probabilities": LIKELY} | columns)
    )


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (ANSWERS["finding"], "COVID-19 pattern"),
        (ANSWERS["two"], "Cannot separate COVID-19 from pneumonia"),
        (
            {"outcome": "indeterminate", "candidates": ["covid-19", "pneumonia", "normal"]},
            "Cannot separate COVID-19, pneumonia and normal",
        ),
        # One candidate alone, but not the likeliest class: the two are named, the likelier first.
        ({"outcome": "indeterminate", "candidates": ["normal"]}, "Cannot separate COVID-19 from normal"),
        (ANSWERS["unlike"], UNLIKE),
        ({"outcome": "out-of-distribution", "candidates": []}, UNLIKE),
        ({"outcome": "finding", "candidates": []}, ""),
        (ANSWERS["earlier"], ""),
    ],
)
def test_an_answer_is_put_in_one_sentence(columns: dict[str, Any], words: str) -> None:
    assert said(**columns).words == words


@pytest.mark.parametrize(
    ("name", "separable", "unlike"),
    [
        ("finding", "yes", "no"),
        ("two", "no", "no"),
        ("unlike", "yes", "yes"),
        ("earlier", "not measured", "not measured"),
    ],
)
def test_two_questions_are_answered_beside_the_score(name: str, separable: str, unlike: str) -> None:
    found = said(**ANSWERS[name])
    assert (found.separable, found.unlike) == (separable, unlike)


def test_a_version_without_a_reference_says_that_novelty_was_not_measured() -> None:
    found = said(outcome="finding", candidates=["covid-19"], out_of_distribution={})
    assert (found.separable, found.unlike, found.measures) == ("yes", "not measured", [])


@pytest.mark.parametrize(
    ("abstention", "doubts"),
    [
        (0.5, []),
        (0.6, []),
        (0.61, ["Only from a score of 0.61 on was this version right 19 times in 20."]),
        (1.0, ["At no score was this version right 19 times in 20."]),
        (None, []),
    ],
)
def test_a_low_score_is_doubted(abstention: float | None, doubts: list[str]) -> None:
    assert said(outcome="finding", candidates=["covid-19"], abstention=abstention).doubts == doubts


def test_every_sign_of_a_strange_picture_has_its_sentence() -> None:
    signs = ["small", "long", "flat", "coloured", "inverted", "of a later release"]
    found = said(quality_flags=signs).doubts
    assert len(found) == 5
    assert all(sentence.endswith(".") for sentence in found)


@pytest.fixture
def case(send_radiograph: SendRadiograph) -> Case:
    return send_radiograph(1, patient_ref="P-1", accession_number="ACC-17")


def judge(case: Case, version: ModelVersion, name: str) -> None:
    answer_case(case, version)
    case.predictions.update(**ANSWERS[name])


def main_of(user: User, address: str) -> str:
    client = Client()
    client.force_login(user)
    html = client.get(address).content.decode()
    text = re.sub(r"<[^>]+>", " ", html[html.index("<main") : html.index("</main>")])
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("finding", "COVID-19 pattern"),
        ("two", "Cannot separate COVID-19 from pneumonia"),
        ("unlike", UNLIKE),
    ],
)
def test_the_case_page_shows_the_sentence_and_the_score(
    case: Case, version: ModelVersion, technician: User, name: str, words: str
) -> None:
    judge(case, version, name)
    html = main_of(technician, reverse("cases:case", args=[case.pk]))
    assert words in html
    assert "COVID-19 0.83, above 0.41" in html
    assert "Distance to the radiographs it learnt from" in html
    assert not re.search(r"\b(positive|negative|diagnosis|lesion)\b", html, re.IGNORECASE)


def test_the_case_page_of_an_earlier_answer_says_what_was_not_measured(
    case: Case, version: ModelVersion, technician: User
) -> None:
    judge(case, version, "earlier")
    html = main_of(technician, reverse("cases:case", args=[case.pk]))
    assert "Separable not measured" in html
    assert "Unlike the radiographs it learnt from not measured" in html
    assert "pattern" not in html


@pytest.mark.parametrize(("name", "chip"), [("two", "Cannot separate"), ("unlike", "Unlike its radiographs")])
def test_the_list_marks_answers_that_are_no_plain_finding(
    case: Case, version: ModelVersion, technician: User, name: str, chip: str
) -> None:
    judge(case, version, "finding")
    assert chip not in main_of(technician, reverse("cases:list"))
    case.predictions.update(**ANSWERS[name])
    assert chip in main_of(technician, reverse("cases:list"))


@pytest.mark.parametrize("name", ["finding", "two", "unlike"])
def test_a_radiologist_learns_nothing_of_it_before_reading(
    case: Case, version: ModelVersion, radiologist: User, name: str
) -> None:
    judge(case, version, name)
    case.predictions.update(quality_flags=["inverted"], abstention=1.0)
    for address in (
        reverse("cases:case", args=[case.pk]),
        reverse("cases:list"),
        reverse("review:worklist"),
        reverse("review:case", args=[case.pk]),
    ):
        told = re.findall(
            r"pattern|separa|unlike|learnt|19 times|inverted|energy|distance",
            main_of(radiologist, address),
            re.IGNORECASE,
        )
        assert told == []
