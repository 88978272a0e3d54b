"""The readings API, used by the script of a radiologist."""

from __future__ import annotations

import uuid
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.accounts.services import create_token
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.review.models import Reading, ReadingPolicy
from diagnostics.review.services import claims, readings
from tests.review.conftest import Admit


def address(case: Case) -> str:
    return reverse("api-readings", args=[case.pk])


def script_of(user: User) -> Client:
    return Client(headers={"Authorization": f"Token {create_token(by=user, now=timezone.now())}"})


def post(client: Client, case: Case, **fields: object):
    return client.post(address(case), fields, content_type="application/json")


def test_the_url_is_the_published_one() -> None:
    pk = uuid.uuid4()
    assert reverse("api-readings", args=[pk]) == f"/api/v1/cases/{pk}/readings/"


def test_a_radiologist_signs_with_a_token(radiologist: User, admit: Admit) -> None:
    case = admit(1)
    response = post(script_of(radiologist), case, finding="covid-19", confidence="fairly", note="Left base.")
    reading = Reading.objects.get()
    body = response.json()
    assert response.status_code == 201
    assert body["id"] == str(reading.pk)
    assert (body["finding"], body["confidence"], body["by"]) == ("covid-19", "fairly", "radiologist")
    assert datetime.fromisoformat(body["signed_at"]) == reading.signed_at
    assert (reading.case, reading.note) == (case, "Left base.")


def test_the_note_is_optional(radiologist: User, admit: Admit) -> None:
    body = post(script_of(radiologist), admit(1), finding="normal", confidence="unsure").json()
    assert (body["confidence"], body["note"]) == ("unsure", "")


def test_an_unknown_finding_is_a_400(radiologist: User, admit: Admit) -> None:
    response = post(script_of(radiologist), admit(1), finding="healthy", confidence="sure")
    assert response.status_code == 400
    assert not Reading.objects.exists()


def test_a_technician_is_refused(technician: User, admit: Admit) -> None:
    case, script = admit(1), script_of(technician)
    assert post(script, case, finding="normal", confidence="sure").status_code == 403
    assert script.get(address(case)).status_code == 403


def test_a_user_of_another_site_finds_no_such_case(stranger: User, admit: Admit) -> None:
    case, script = admit(1), script_of(stranger)
    assert post(script, case, finding="normal", confidence="sure").status_code == 404
    assert script.get(address(case)).status_code == 404


def test_a_request_without_a_token_is_a_401(client: Client, admit: Admit) -> None:
    case = admit(1)
    assert post(client, case, finding="normal", confidence="sure").status_code == 401
    assert client.get(address(case)).status_code == 401


def test_signing_a_case_claimed_by_another_reader_is_a_409(
    radiologist: User, second_radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    claims.claim(case=case, by=second_radiologist, now=timezone.now())
    response = post(script_of(radiologist), case, finding="normal", confidence="sure")
    assert response.status_code == 409
    assert response.json()["code"] == "claimed_by_another"


def test_a_second_signature_of_the_same_reader_is_a_409(radiologist: User, admit: Admit) -> None:
    case, script = admit(1), script_of(radiologist)
    post(script, case, finding="normal", confidence="sure")
    response = post(script, case, finding="pneumonia", confidence="sure")
    assert response.status_code == 409
    assert response.json()["code"] == "already_signed"


def test_readings_are_listed_newest_first_and_only_to_those_who_have_signed(
    radiologist: User, second_radiologist: User, two_readers: None, admit: Admit
) -> None:
    case, script, second = admit(1), script_of(radiologist), script_of(second_radiologist)
    assert script.get(address(case)).json() == []
    post(second, case, finding="normal", confidence="sure")
    assert script.get(address(case)).json()["code"] == "first_reading_required"
    post(script, case, finding="pneumonia", confidence="sure")
    listed = script.get(address(case)).json()
    assert [(reading["by"], reading["finding"]) for reading in listed] == [
        ("radiologist", "pneumonia"),
        ("colleague", "normal"),
    ]


def test_each_list_of_readings_is_audited_as_a_view_and_a_refused_one_is_not(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    ReadingPolicy.objects.create(site=case.site, double_read_percent=100)
    readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    assert script_of(second_radiologist).get(address(case)).status_code == 409
    assert not AuditEvent.objects.filter(action=Action.CASE_VIEWED).exists()

    script_of(radiologist).get(address(case))

    event = AuditEvent.objects.get(action=Action.CASE_VIEWED)
    assert (event.by, event.target_id) == (radiologist, str(case.pk))


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_reading_cannot_be_changed_or_deleted(method: str, radiologist: User, admit: Admit) -> None:
    case, script = admit(1), script_of(radiologist)
    post(script, case, finding="normal", confidence="sure")
    response = getattr(script, method)(address(case), {"finding": "other"}, content_type="application/json")
    assert response.status_code == 405
    assert Reading.objects.get().finding == "normal"
