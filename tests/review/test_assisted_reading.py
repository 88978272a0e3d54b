"""AI-assisted readings, and blinding before the first one."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.accounts.services import create_token
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.review.models import (
    AssistedReading,
    Reading,
)
from diagnostics.review.services import readings
from tests.conftest import create_user
from tests.review.conftest import Admit, Classify


def signed(case: Case, by: User, now: datetime, finding: str = "normal", note: str = "") -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, note=note, now=now)


@pytest.fixture
def classified(admit: Admit, classify: Classify) -> Case:
    case = admit(1)
    classify(case)
    return case


def _script(user: User, now: datetime) -> Client:
    return Client(headers={"Authorization": f"Token {create_token(by=user, now=timezone.now())}"})


@pytest.mark.usefixtures("two_readers")
def test_the_api_withholds_the_ai_result_from_a_reader_before_the_own_signature(
    classified: Case, radiologist: User, second_radiologist: User, technician: User, now: datetime
) -> None:
    signed(classified, second_radiologist, now, "pneumonia")
    address, script = reverse("api-case", args=[classified.pk]), _script(radiologist, now)
    listed = script.get(reverse("api-case-list")).json()["results"][0]
    for body in (script.get(address).json(), listed):
        assert (body["status"], body["prediction"], body["withheld"]) == ("done", None, True)
    for picture in ("overlay.png", "heatmap/covid-19.png"):
        assert script.get(f"/cases/{classified.pk}/{picture}").status_code == 403
    assert not PredictionShown.objects.exists()

    signed(classified, radiologist, now)
    body = script.get(address).json()
    assert (body["prediction"]["finding"], body["withheld"]) == ("covid-19", False)
    assert [shown.to for shown in PredictionShown.objects.all()] == [radiologist]
    assert _script(technician, now).get(address).json()["prediction"]["finding"] == "covid-19"


def test_the_first_finding_after_the_ai_result_is_recorded_as_assisted_reading(
    classified: Case, radiologist: User, client: Client, now: datetime
) -> None:
    first = signed(classified, radiologist, now)
    client.force_login(radiologist)
    client.get(reverse("review:case", args=[classified.pk]))
    client.post(reverse("review:confirm", args=[classified.pk]))
    look = AssistedReading.objects.get()
    assert (look.reading, look.finding, look.prediction.finding) == (first, "normal", "covid-19")
    readings.amend_reading(
        reading=first, by=radiologist, finding="covid-19", confidence="sure", note="", reason="Yes.", now=now
    )  # fmt: skip
    assert AssistedReading.objects.get().finding == "normal"


def test_an_amendment_without_the_ai_result_is_no_assisted_reading(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    first = signed(admit(1), radiologist, now)
    readings.amend_reading(
        reading=first, by=radiologist, finding="other", confidence="sure", note="", reason="A slip.", now=now
    )  # fmt: skip
    assert not AssistedReading.objects.exists()


def test_a_reader_of_another_site_can_neither_confirm_nor_request_an_opinion(
    admit: Admit, other_site: Site, client: Client
) -> None:
    case = admit(1)
    client.force_login(create_user("elsewhere", Role.RADIOLOGIST, other_site))
    for page in ("confirm", "second-opinion"):
        assert client.post(reverse(f"review:{page}", args=[case.pk])).status_code == 404
