"""Cases and their predictions by the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from diagnostics.accounts import services as accounts
from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import Login, SendRadiograph

LIST = "/api/v1/cases/"
SERVER = "http://testserver"
RESEARCH_USE = "Research use only. Not for diagnosis."


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def detail(case: Case) -> str:
    return f"{LIST}{case.pk}/"


def finish(case: Case, version: ModelVersion, **columns: Any) -> None:
    columns_done = {
        "status": JobStatus.DONE,
        "version": version,
        "finding": "pneumonia",
        "probabilities": {"covid-19": 0.2, "pneumonia": 0.7, "normal": 0.1},
        "operating_points": {"covid-19": 0.41, "pneumonia": 0.5, "normal": 0.5},
    }
    case.predictions.update(**(columns_done | columns))


def test_a_queued_case_has_neither_prediction_nor_failure(
    send_radiograph: SendRadiograph, technician: User, api_client: Login
):
    case = send_radiograph(accession_number="A-1", patient_ref="P-1", view="PA", priority="urgent")

    response = api_client(technician).get(detail(case))

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
        "withdrawn_at": None,
        "not_scored": None,
        "withheld": False,
        "rt_pcr": None,
        "failure": None,
        "prediction": None,
    }


def test_a_withdrawn_case_says_when(
    send_radiograph: SendRadiograph, technician: User, api_client: Login, now: datetime
):
    case = send_radiograph()
    Case.objects.filter(pk=case.pk).update(withdrawn_at=now, on_worklist=False)

    assert api_client(technician).get(detail(case)).json()["withdrawn_at"] == f"{now:%Y-%m-%dT%H:%M:%SZ}"


def test_a_finished_case_has_probabilities_thresholds_version_and_heatmap_url(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, api_client: Login
):
    case = send_radiograph()
    finish(case, version)

    body = api_client(technician).get(detail(case)).json()

    assert (body["status"], body["failure"]) == ("done", None)
    assert body["prediction"] == {
        "outcome": None,
        "headline": "Pneumonia, other 0.70 (threshold 0.50)",
        "finding": "pneumonia",
        "candidates": [],
        "out_of_distribution": None,
        "abstains_below": None,
        "quality_flags": [],
        "probabilities": {"covid-19": 0.2, "pneumonia": 0.7, "normal": 0.1},
        "operating_point": {"covid-19": 0.41, "pneumonia": 0.5, "normal": 0.5},
        "version": "v1",
        "heatmap_url": f"{SERVER}/cases/{case.pk}/overlay.png",
        "override": None,
        "gate_overridden": False,
        "research_use": RESEARCH_USE,
    }


def test_a_prediction_has_its_outcome_and_its_uncertainty(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, api_client: Login
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

    prediction = api_client(technician).get(detail(case)).json()["prediction"]

    assert (prediction["outcome"], prediction["candidates"]) == (
        "out-of-distribution",
        ["pneumonia", "covid-19"],
    )
    assert (prediction["out_of_distribution"], prediction["abstains_below"]) == (out_of_distribution, 0.9)
    assert prediction["quality_flags"] == ["inverted"]
    assert prediction["probabilities"]["pneumonia"] == 0.7  # always included


def test_a_failed_case_has_a_failure_code_and_text(
    send_radiograph: SendRadiograph, technician: User, api_client: Login
):
    case = send_radiograph()
    case.predictions.update(
        status=JobStatus.FAILED, failure_code="model_unavailable", failure_text="Promote one."
    )

    body = api_client(technician).get(detail(case)).json()

    assert body["status"] == "failed"
    assert body["failure"] == {"code": "model_unavailable", "text": "Promote one."}
    assert body["prediction"] is None


def test_an_earlier_prediction_is_returned_while_a_retry_is_queued(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, api_client: Login, now: datetime
):
    case = send_radiograph()
    finish(case, version)
    case.predictions.create(queued_at=now + timedelta(hours=1))

    body = api_client(technician).get(detail(case)).json()

    assert body["status"] == "queued"
    assert body["prediction"]["version"] == "v1"


def test_reading_a_prediction_is_audited_and_polling_for_it_is_not(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, api_client: Login
):
    case, client = send_radiograph(), api_client(technician)
    client.get(detail(case))
    assert not AuditEvent.objects.filter(action=Action.CASE_VIEWED).exists()
    finish(case, version)

    client.get(detail(case))

    event = AuditEvent.objects.get(action=Action.CASE_VIEWED)
    assert (event.by, event.target_id) == (technician, str(case.pk))


def test_the_list_is_paginated_newest_first(
    send_radiograph: SendRadiograph, technician: User, api_client: Login, now: datetime
):
    older, newer = send_radiograph(1), send_radiograph(2, at=now + timedelta(minutes=1))

    body = api_client(technician).get(LIST).json()

    assert body["next"] is None
    assert [one["id"] for one in body["results"]] == [str(newer.pk), str(older.pk)]


def test_the_list_is_filtered_and_ordered_by_its_query(
    send_radiograph: SendRadiograph, technician: User, api_client: Login, now: datetime
):
    failed, queued = send_radiograph(1), send_radiograph(2, at=now + timedelta(minutes=1))
    failed.predictions.update(status=JobStatus.FAILED)
    client = api_client(technician)

    assert [one["id"] for one in client.get(LIST, {"status": "failed"}).json()["results"]] == [str(failed.pk)]
    ordered = client.get(LIST, {"ordering": "opened_at"}).json()["results"]
    assert [one["id"] for one in ordered] == [str(failed.pk), str(queued.pk)]


@pytest.mark.parametrize(
    "query", [{"status": "lost"}, {"ordering": "patient_ref"}, {"ordering": "opened_by__password"}]
)
def test_an_unknown_filter_or_ordering_is_refused(query: dict[str, str], technician: User, api_client: Login):
    response = api_client(technician).get(LIST, query)

    assert response.status_code == 400
    assert response.json()["code"] == "invalid"


def test_a_longer_list_needs_no_more_queries(
    send_radiograph: SendRadiograph,
    technician: User,
    version: ModelVersion,
    api_client: Login,
    django_assert_num_queries: DjangoAssertNumQueries,
):
    client = api_client(technician)
    for seed in range(3):
        finish(send_radiograph(seed), version)

    # Token, its last use, sites, cases, predictions with versions, RT-PCR results, sites that show
    # predictions, and the audit event.
    with django_assert_num_queries(10):
        assert len(client.get(LIST).json()["results"]) == 3


def test_a_user_of_another_site_finds_no_case(
    send_radiograph: SendRadiograph, stranger: User, api_client: Login
):
    case, client = send_radiograph(), api_client(stranger)

    response = client.get(detail(case))

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
    assert client.get(LIST).json()["results"] == []


@pytest.mark.parametrize("address", [LIST, f"{LIST}00000000-0000-4000-8000-000000000001/"])
def test_a_request_without_a_token_is_refused_with_401(address: str, db: None):
    response = Client().get(address)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Token"


def test_a_revoked_token_is_refused(technician: User, api_client: Login, now: datetime):
    client = api_client(technician)
    accounts.revoke_token(by=technician, now=now)

    assert client.get(LIST).status_code == 401
