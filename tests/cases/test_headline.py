"""The headline of an AI result: COVID-19 above its operating point is named before a more probable class."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.presenters.prediction import PredictionSummary, prediction_summary
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services import readings
from tests.cases.conftest import SendRadiograph
from tests.cases.predictions import finish_prediction

POINTS = {"covid-19": 0.41, "pneumonia": 0.5, "normal": 0.5}
FLAGGED = "COVID-19 0.44 above the threshold 0.41; most probable: Pneumonia, other 0.50"
PROBABILITIES = {"covid-19": 0.44, "pneumonia": 0.5, "normal": 0.06}
OUTSIDE = "Out of distribution: unlike the training radiographs. Do not rely on the score."


def summary(now: datetime, covid: float = 0.44, **columns: Any) -> PredictionSummary:
    fields = {
        "finding": "pneumonia",
        "probabilities": PROBABILITIES | {"covid-19": covid},
        "operating_points": POINTS,
        "outcome": "finding",
        "candidates": ["pneumonia"],
    }
    version = ModelVersion(number=7, bundle="v7")
    done = Prediction(
        case_id=uuid4(), status=JobStatus.DONE, version=version, queued_at=now, **(fields | columns)
    )
    return prediction_summary(done)


@pytest.mark.parametrize(
    ("covid", "headline"),
    [
        (0.44, FLAGGED),
        (0.41, "COVID-19 0.41 at the threshold 0.41; most probable: Pneumonia, other 0.50"),
        (0.414, "COVID-19 0.414 above the threshold 0.410; most probable: Pneumonia, other 0.50"),
        (0.4099, "Pneumonia pattern, other"),
    ],
)
def test_covid_19_at_or_above_its_operating_point_is_the_headline(
    covid: float, headline: str, now: datetime
) -> None:
    assert summary(now, covid).headline == headline


def test_the_headline_and_the_caption_name_the_doubt_and_covid_19(now: datetime) -> None:
    outside = summary(now, outcome="out-of-distribution", candidates=[])
    assert outside.headline == f"{OUTSIDE} {FLAGGED}"
    assert outside.caption == f"AI result (v7): Out of distribution. {FLAGGED}"
    between = summary(now, outcome="indeterminate", candidates=["pneumonia", "covid-19"])
    assert between.headline == f"Indeterminate: cannot separate pneumonia from COVID-19. {FLAGGED}"


def test_a_version_without_outcomes_has_the_score_or_the_flag_as_headline(now: datetime) -> None:
    assert summary(now, outcome="", candidates=[]).headline == FLAGGED
    assert summary(now, 0.1, outcome="", candidates=[]).headline == "Pneumonia, other 0.50 (threshold 0.50)"


def test_a_most_probable_covid_19_has_no_second_class_in_its_headline(now: datetime) -> None:
    probabilities = {"covid-19": 0.6, "pneumonia": 0.3, "normal": 0.1}
    found = summary(now, 0.6, finding="covid-19", candidates=["covid-19"], probabilities=probabilities)
    assert found.headline == "COVID-19 pattern"


@pytest.fixture
def flagged(send_radiograph: SendRadiograph, version: ModelVersion) -> Case:
    case = send_radiograph(1)
    finish_prediction(case, version)
    case.predictions.update(finding="pneumonia", probabilities=PROBABILITIES, operating_points=POINTS)
    return case


def text_of(client: Client, address: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get(address).content.decode()))


def test_page_and_api_have_the_same_headline(
    flagged: Case, technician: User, radiologist: User, client: Client, now: datetime
) -> None:
    client.force_login(technician)
    assert FLAGGED in text_of(client, reverse("cases:case", args=[flagged.pk]))
    assert "COVID-19 0.44 (threshold 0.41)" in text_of(client, reverse("cases:list"))
    assert client.get(reverse("api-case", args=[flagged.pk])).json()["prediction"]["headline"] == FLAGGED
    readings.sign_reading(case=flagged, by=radiologist, finding="normal", now=now)
    client.force_login(radiologist)
    assert FLAGGED in text_of(client, reverse("review:case", args=[flagged.pk]))
