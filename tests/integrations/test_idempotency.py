"""The Idempotency-Key of POST requests: carried out once, answered again, refused for another request."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.accounts.services import tokens
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.integrations.models import IdempotentRequest
from diagnostics.integrations.selectors.idempotency import answers_about
from tests.radiographs import radiograph_png

LIST = "/api/v1/cases/"
KEY = {"Idempotency-Key": "4b1c9a0e"}


@pytest.fixture(autouse=True)
def _media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def api_of(user: User) -> Client:
    key = tokens.create_token(by=user, now=timezone.now())
    return Client(headers={"Authorization": f"Token {key}"})


def upload(api: Client, number: int = 1, headers: dict[str, str] | None = KEY, **fields: Any):
    file = SimpleUploadedFile("radiograph.png", radiograph_png(number))
    return api.post(LIST, {"radiograph": file, "patient_ref": "P-1", **fields}, headers=headers)


def correct(api: Client, case: Case, value: str = "A-7", headers: dict[str, str] | None = KEY):
    body = {"kind": "accession", "value": value, "reason": "Entered wrongly."}
    address = f"{LIST}{case.pk}/corrections/"
    return api.post(address, body, content_type="application/json", headers=headers)


def test_a_repeated_upload_returns_the_first_answer(technician: User) -> None:
    api = api_of(technician)
    first, again = upload(api), upload(api)

    assert (first.status_code, again.status_code) == (201, 201)  # without a key the second one is a 200
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert AuditEvent.objects.filter(action=Action.CASE_OPENED).count() == 1


def test_a_repeated_change_is_carried_out_once(technician: User, administrator: User) -> None:
    upload(api_of(technician))
    case, api = Case.objects.get(), api_of(administrator)

    first, again, without = correct(api, case), correct(api, case), correct(api, case, headers=None)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (without.status_code, without.json()["code"]) == (400, "nothing_to_correct")
    assert case.corrections.count() == 1


@pytest.mark.parametrize("change", [{"number": 2}, {"patient_ref": "P-2"}, {"priority": "stat"}])
def test_a_key_of_another_request_is_refused(change: dict[str, Any], technician: User) -> None:
    api = api_of(technician)
    upload(api)

    response = upload(api, **change)

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert response["Content-Type"] == "application/problem+json"
    assert Case.objects.count() == 1


def test_a_key_of_another_address_or_body_is_refused(technician: User, administrator: User) -> None:
    upload(api_of(technician))
    case, api = Case.objects.get(), api_of(administrator)
    correct(api, case)

    assert correct(api, case, "A-8").json()["code"] == "idempotency_key_reused"
    assert upload(api).json()["code"] == "idempotency_key_reused"


def test_a_refused_request_frees_its_key(technician: User) -> None:
    api = api_of(technician)
    refused = upload(api, priority="now")

    repaired = upload(api)

    assert (refused.status_code, repaired.status_code) == (400, 201)


def test_each_token_has_keys_of_its_own(technician: User, administrator: User) -> None:
    assert upload(api_of(technician)).status_code == 201
    response = upload(api_of(administrator))

    assert (response.status_code, response.json()["existing"]) == (200, True)
    assert IdempotentRequest.objects.count() == 2


def test_a_key_of_an_open_request_is_refused_with_the_time_to_wait(technician: User) -> None:
    api = api_of(technician)
    upload(api)
    IdempotentRequest.objects.update(status=None)

    response = upload(api)

    assert (response.status_code, response.json()["code"]) == (409, "request_in_progress")
    assert int(response["Retry-After"]) > 0


def test_the_key_of_a_request_whose_process_died_can_be_used_again(technician: User) -> None:
    api = api_of(technician)
    upload(api)
    IdempotentRequest.objects.update(status=None, locked_until=timezone.now() - timedelta(seconds=1))

    response = upload(api)

    assert (response.status_code, response.json()["existing"]) == (200, True)
    assert IdempotentRequest.objects.get().status == 200


def test_a_key_expires_after_a_day(technician: User) -> None:
    api = api_of(technician)
    upload(api)
    stored = IdempotentRequest.objects.get()
    assert stored.expires_at - timezone.now() > timedelta(hours=23)
    IdempotentRequest.objects.update(expires_at=timezone.now())

    assert upload(api, 2, patient_ref="P-2").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "Schlüssel\x07"])
def test_a_key_that_is_no_key_is_refused(key: str, technician: User) -> None:
    response = upload(api_of(technician), headers={"Idempotency-Key": key})

    assert (response.status_code, response.json()["code"]) == (400, "invalid_idempotency_key")
    assert not Case.objects.exists()


def test_a_request_without_a_login_leaves_no_key(client: Client, db: None) -> None:
    response = client.post(LIST, headers={**KEY, "Authorization": "Token 0000"})

    assert response.status_code == 401
    assert not IdempotentRequest.objects.exists()


def test_the_stored_answers_about_a_case_are_found_by_address_and_body(
    technician: User, administrator: User
) -> None:
    upload(api_of(technician))
    case = Case.objects.get()
    upload(api_of(technician), 2, {"Idempotency-Key": "other"}, patient_ref="P-2")
    correct(api_of(administrator), case)

    assert answers_about([case.pk]).count() == 2
    assert IdempotentRequest.objects.count() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_of_parallel_requests_with_one_key_one_is_carried_out(technician: User) -> None:
    api = api_of(technician)
    answers, barrier = [], Barrier(4)

    def send() -> None:
        barrier.wait()
        answers.append(upload(api))
        connection.close()

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert [answer.status_code for answer in answers if "Idempotency-Replayed" not in answer].count(201) == 1
    assert AuditEvent.objects.filter(action=Action.CASE_OPENED).count() == 1
