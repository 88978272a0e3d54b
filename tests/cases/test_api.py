"""Cases through the API: send, follow, read, and be refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from diagnostics.accounts import services as accounts
from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import SendRadiograph
from tests.radiographs import radiograph_dicom, radiograph_png

LIST = "/api/v1/cases/"
SERVER = "http://testserver"
RESEARCH_USE = "Research use only. Not for diagnosis."

Login = Callable[[User], Client]


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def script_of(now: datetime) -> Login:
    """Give a client that acts for somebody by token, as a script does."""

    def script(user: User) -> Client:
        key = accounts.make_token(by=user, now=now)
        return Client(headers={"Authorization": f"Token {key}"}, enforce_csrf_checks=True)

    return script


def radiograph(content: bytes | None = None, name: str = "radiograph.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, radiograph_png() if content is None else content)


def send(client: Client, **changed: Any) -> Any:
    upload = {"radiograph": radiograph(), "patient_ref": "P-1"} | changed
    return client.post(LIST, {name: value for name, value in upload.items() if value is not None})


def detail(case: Case) -> str:
    return f"{LIST}{case.pk}/"


def finish(case: Case, version: ModelVersion, **columns: Any) -> None:
    answer = {
        "status": JobStatus.DONE,
        "version": version,
        "finding": "pneumonia",
        "probabilities": {"covid-19": 0.2, "pneumonia": 0.7, "normal": 0.1},
        "operating_points": {"covid-19": 0.41, "pneumonia": 0.5, "normal": 0.5},
    }
    case.predictions.update(**(answer | columns))


def test_the_addresses_are_those_of_version_1(db: None):
    assert reverse("api-case-list") == LIST


def test_a_script_sends_a_radiograph_and_learns_where_its_case_is(technician: User, script_of: Login):
    response = send(
        script_of(technician),
        accession_number="A-1",
        view="AP",
        priority="stat",
        radiograph=radiograph(radiograph_dicom()),
    )

    case = Case.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": str(case.pk),
        "status": "queued",
        "url": f"{SERVER}{detail(case)}",
        "existing": False,
    }
    assert (case.accession_number, case.radiograph.view, case.priority) == ("A-1", "AP", "stat")


def test_the_same_radiograph_again_answers_with_the_case_it_has(technician: User, script_of: Login):
    client = script_of(technician)
    first = send(client)

    again = send(client)

    assert again.status_code == 200
    assert again.json() == first.json() | {"existing": True}
    assert Case.objects.count() == 1


def test_a_radiograph_of_another_patient_is_a_conflict_that_names_nobody(technician: User, script_of: Login):
    client = script_of(technician)
    send(client, patient_ref="CANARY-1")

    response = send(client, patient_ref="P-2")

    assert response.status_code == 409
    assert response.json()["code"] == "radiograph_of_another_patient"
    assert "CANARY" not in response.content.decode()
    assert str(Case.objects.get().pk) not in response.content.decode()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"radiograph": radiograph(b"")}, "empty_file"),
        ({"radiograph": radiograph(b"GIF89a and so on")}, "unknown_format"),
        ({"radiograph": radiograph(radiograph_png()[:3000])}, "damaged"),
        ({"patient_ref": "  "}, "patient_ref_missing"),
        ({"patient_ref": "x" * 65}, "patient_ref_unusable"),
        ({"accession_number": "x" * 65}, "accession_number_unusable"),
        ({"radiograph": None}, "invalid"),
        ({"patient_ref": None}, "invalid"),
        ({"view": "oblique"}, "invalid"),
        ({"priority": "now"}, "invalid"),
        ({"radiograph": "no file but a text"}, "invalid"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_code(
    changed: dict[str, Any], code: str, technician: User, script_of: Login
):
    if isinstance(changed.get("radiograph"), SimpleUploadedFile):
        changed["radiograph"].seek(0)

    response = send(script_of(technician), **changed)

    assert response.status_code == 400
    assert response.json()["code"] == code
    assert response.json()["detail"]
    assert not Case.objects.exists()


def test_a_file_over_64_megabytes_is_refused_before_it_is_read(technician: User, script_of: Login):
    response = send(script_of(technician), radiograph=radiograph(radiograph_png() + b"\0" * 64 * 2**20))

    assert response.status_code == 400
    assert response.json()["code"] == "too_large"


def test_a_request_of_gigabytes_is_refused_unread(technician: User, script_of: Login):
    class Endless(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("nobody may read this")

    body: dict[str, Any] = {"wsgi.input": Endless(), "CONTENT_LENGTH": str(3 * 2**30)}
    response = script_of(technician).generic(
        "POST", LIST, b"", content_type="multipart/form-data; boundary=x", **body
    )

    assert response.status_code == 400
    assert response.json()["code"] == "too_large"


def test_a_case_that_waits_has_neither_answer_nor_failure(
    send_radiograph: SendRadiograph, technician: User, script_of: Login
):
    case = send_radiograph(accession_number="A-1", patient_ref="P-1", view="PA", priority="urgent")

    response = script_of(technician).get(detail(case))

    assert response.status_code == 200
    assert response.json() == {
        "id": str(case.pk),
        "status": "queued",
        "url": f"{SERVER}{detail(case)}",
        "patient_ref": "P-1",
        "accession_number": "A-1",
        "priority": "urgent",
        "view": "PA",
        "opened_at": "2026-03-02T09:30:00Z",
        "withheld": False,
        "rt_pcr": None,
        "failure": None,
        "prediction": None,
    }


def test_an_answered_case_tells_scores_thresholds_version_and_heat_map(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, script_of: Login
):
    case = send_radiograph()
    finish(case, version)

    body = script_of(technician).get(detail(case)).json()

    assert (body["status"], body["failure"]) == ("done", None)
    assert body["prediction"] == {
        "outcome": None,
        "finding": "pneumonia",
        "candidates": [],
        "out_of_distribution": None,
        "abstains_below": None,
        "quality_flags": [],
        "probabilities": {"covid-19": 0.2, "pneumonia": 0.7, "normal": 0.1},
        "operating_point": {"covid-19": 0.41, "pneumonia": 0.5, "normal": 0.5},
        "version": "v1",
        "heatmap_url": f"{SERVER}/cases/{case.pk}/overlay.png",
        "research_use": RESEARCH_USE,
    }


def test_an_answer_tells_what_it_is_worth(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, script_of: Login
):
    case = send_radiograph()
    out_of_distribution = {
        "knn": {"value": 0.7, "limit": 0.5},
        "mahalanobis": {"value": 20.0, "limit": 30.0},
        "energy": {"value": -2.0, "limit": -1.0},
    }
    finish(
        case,
        version,
        outcome="out-of-distribution",
        candidates=["pneumonia", "covid-19"],
        out_of_distribution=out_of_distribution,
        abstention=0.9,
        quality_flags=["inverted"],
    )

    said = script_of(technician).get(detail(case)).json()["prediction"]

    assert (said["outcome"], said["candidates"]) == ("out-of-distribution", ["pneumonia", "covid-19"])
    assert (said["out_of_distribution"], said["abstains_below"]) == (out_of_distribution, 0.9)
    assert said["quality_flags"] == ["inverted"]
    assert said["probabilities"]["pneumonia"] == 0.7  # the score always stays


def test_a_failed_case_tells_why_and_what_to_do(
    send_radiograph: SendRadiograph, technician: User, script_of: Login
):
    case = send_radiograph()
    case.predictions.update(
        status=JobStatus.FAILED, failure_code="model_unavailable", failure_text="Promote one."
    )

    body = script_of(technician).get(detail(case)).json()

    assert body["status"] == "failed"
    assert body["failure"] == {"code": "model_unavailable", "text": "Promote one."}
    assert body["prediction"] is None


def test_an_earlier_answer_stands_while_the_machine_is_asked_again(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, script_of: Login, now: datetime
):
    case = send_radiograph()
    finish(case, version)
    case.predictions.create(queued_at=now + timedelta(hours=1))

    body = script_of(technician).get(detail(case)).json()

    assert body["status"] == "queued"
    assert body["prediction"]["version"] == "v1"


def test_reading_an_answer_is_on_record_and_waiting_for_it_is_not(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, script_of: Login
):
    case, client = send_radiograph(), script_of(technician)
    client.get(detail(case))
    assert not AuditEvent.objects.filter(action=Action.CASE_VIEWED).exists()
    finish(case, version)

    client.get(detail(case))

    event = AuditEvent.objects.get(action=Action.CASE_VIEWED)
    assert (event.by, event.target_id) == (technician, str(case.pk))


def test_the_list_gives_pages_of_cases_the_newest_first(
    send_radiograph: SendRadiograph, technician: User, script_of: Login, now: datetime
):
    older, newer = send_radiograph(1), send_radiograph(2, at=now + timedelta(minutes=1))

    body = script_of(technician).get(LIST).json()

    assert (body["count"], body["next"], body["previous"]) == (2, None, None)
    assert [one["id"] for one in body["results"]] == [str(newer.pk), str(older.pk)]


def test_the_list_is_narrowed_and_ordered_by_its_address(
    send_radiograph: SendRadiograph, technician: User, script_of: Login, now: datetime
):
    failed, waiting = send_radiograph(1), send_radiograph(2, at=now + timedelta(minutes=1))
    failed.predictions.update(status=JobStatus.FAILED)
    client = script_of(technician)

    assert [one["id"] for one in client.get(LIST, {"status": "failed"}).json()["results"]] == [str(failed.pk)]
    ordered = client.get(LIST, {"ordering": "opened_at"}).json()["results"]
    assert [one["id"] for one in ordered] == [str(failed.pk), str(waiting.pk)]


@pytest.mark.parametrize(
    "query", [{"status": "lost"}, {"ordering": "patient_ref"}, {"ordering": "opened_by__password"}]
)
def test_an_unknown_wish_of_the_list_is_refused(query: dict[str, str], technician: User, script_of: Login):
    response = script_of(technician).get(LIST, query)

    assert response.status_code == 400
    assert response.json()["code"] == "invalid"


def test_a_page_beyond_the_last_is_not_found(technician: User, script_of: Login):
    assert script_of(technician).get(LIST, {"page": "9"}).status_code == 404


def test_a_longer_list_costs_no_more_queries(
    send_radiograph: SendRadiograph,
    technician: User,
    version: ModelVersion,
    script_of: Login,
    django_assert_num_queries: DjangoAssertNumQueries,
):
    client = script_of(technician)
    for seed in range(3):
        finish(send_radiograph(seed), version)

    # Token, sites, count, cases with radiographs, predictions with versions, RT-PCR, sites that show answers.
    with django_assert_num_queries(7):
        assert len(client.get(LIST).json()["results"]) == 3


def test_a_stranger_finds_no_case(send_radiograph: SendRadiograph, stranger: User, script_of: Login):
    case, client = send_radiograph(), script_of(stranger)

    response = client.get(detail(case))

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
    assert client.get(LIST).json()["results"] == []


@pytest.mark.parametrize("address", [LIST, f"{LIST}00000000-0000-4000-8000-000000000001/"])
def test_without_a_token_the_answer_is_401(address: str, db: None):
    response = Client().get(address)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Token"


def test_without_a_token_nothing_is_stored(db: None):
    assert send(Client()).status_code == 401
    assert not Case.objects.exists()


def test_a_revoked_token_opens_nothing(technician: User, script_of: Login, now: datetime):
    client = script_of(technician)
    accounts.revoke_token(by=technician, now=now)

    assert client.get(LIST).status_code == 401


def test_the_radiograph_is_taken_from_a_form_alone(technician: User, script_of: Login):
    response = script_of(technician).post(LIST, {"patient_ref": "P-1"}, content_type="application/json")

    assert response.status_code == 415
