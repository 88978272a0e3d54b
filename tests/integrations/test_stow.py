"""STOW-RS over HTTP: the status and the data set of each answer, and bodies that are no files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.accounts.services.tokens import create_token
from diagnostics.cases import upload_validation
from diagnostics.cases.models import Case
from tests.integrations.conftest import INSTANCE, ROOT, STUDY, instance, values_of

KIND = 'multipart/related; type="application/dicom"; boundary=limit'


def body_of(*contents: bytes) -> bytes:
    head = b"--limit\r\nContent-Type: application/dicom\r\n\r\n"
    return b"".join(head + content + b"\r\n" for content in contents) + b"--limit--\r\n"


def post(by: User, body: bytes, *, kind: str = KIND, study: str = "", scopes: tuple[str, ...] = ()) -> Any:
    key = create_token(by=by, now=timezone.now(), scopes=scopes or None)
    client = Client(headers={"Authorization": f"Token {key}"}, enforce_csrf_checks=True)
    address = f"{ROOT}/studies/{study}" if study else f"{ROOT}/studies"
    return client.post(address, body, content_type=kind)


def test_one_bad_file_stops_no_other_and_is_answered_with_its_reason(technician: User):
    unnamed = instance(2, PatientID="", SOPInstanceUID=f"{INSTANCE}.1")

    response = post(technician, body_of(instance(), unnamed, b"no image"))

    answer = values_of(response.json())
    assert response.status_code == 202
    assert response["Content-Type"] == "application/dicom+json"
    (stored,), (failed,) = answer.ReferencedSOPSequence, answer.FailedSOPSequence
    assert stored.ReferencedSOPInstanceUID == INSTANCE
    assert stored.RetrieveURL.endswith(f"/studies/{STUDY}/series/{INSTANCE[:-1]}2/instances/{INSTANCE}")
    assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == (f"{INSTANCE}.1", 0xA900)
    assert failed[0x0009, 0x1001].value == "patient_ref_missing"
    assert answer.OtherFailuresSequence[0].FailureReason == 0xC000
    assert Case.objects.count() == 1


def test_a_file_of_another_study_than_the_address_is_refused(technician: User):
    response = post(technician, body_of(instance()), study="1.2.3")

    assert response.status_code == 409
    assert values_of(response.json()).FailedSOPSequence[0][0x0009, 0x1001].value == "study_mismatch"
    assert post(technician, body_of(instance()), study=STUDY).status_code == 200


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("application/dicom", b"no parts", 415, "unsupported_media_type"),
        ('multipart/related; type="application/dicom"', b"no parts", 400, "invalid_body"),
        (KIND, b"no parts", 400, "invalid_body"),
    ],
)
def test_a_body_that_is_no_list_of_files_is_refused_with_a_code(
    technician: User, kind: str, body: bytes, status: int, code: str
):
    response = post(technician, body, kind=kind)

    assert (response.status_code, response.json()["code"]) == (status, code)


def test_what_was_complete_in_a_body_that_ends_early_is_stored_and_may_be_sent_again(technician: User):
    whole = body_of(instance(), instance(2, SOPInstanceUID=f"{INSTANCE}.1"))

    cut = post(technician, whole[:-1000])
    again = post(technician, whole)

    assert (cut.status_code, again.status_code) == (400, 200)
    assert Case.objects.count() == 2


def test_a_body_that_is_too_large_is_refused_unread(technician: User):
    key = create_token(by=technician, now=timezone.now())
    client = Client(headers={"Authorization": f"Token {key}"})

    response = client.post(
        f"{ROOT}/studies", b"no parts", content_type=KIND, CONTENT_LENGTH=str((1 << 30) + 1)
    )

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_a_token_without_the_scope_upload_cannot_store(technician: User):
    assert post(technician, body_of(instance()), scopes=("read",)).status_code == 403
    assert not Case.objects.exists()


def test_a_session_needs_its_csrf_token_to_store(technician: User):
    client = Client(enforce_csrf_checks=True)
    client.force_login(technician)

    assert client.post(f"{ROOT}/studies", body_of(instance()), content_type=KIND).status_code == 403


@contextmanager
def all_slots_in_use() -> Iterator[None]:
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with upload_validation.decoding_slot():
            taken.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    yield
    done.set()
    thread.join()


def test_a_busy_server_says_when_to_send_again(technician: User, settings: Settings, tmp_path: Path):
    settings.DECODING_SLOTS, settings.DECODING_WAIT = 1, 0
    settings.DECODING_SLOTS_FOLDER = tmp_path / "decoding"

    with all_slots_in_use():
        response = post(technician, body_of(instance()))

    assert (response.status_code, response.json()["code"]) == (503, "busy")
    assert int(response["Retry-After"]) > 0
    assert not Case.objects.exists()
