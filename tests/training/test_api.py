"""The API of training runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from diagnostics.accounts.models import User
from diagnostics.accounts.services import tokens
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.training.models import TrainingRun

RUNS = "/api/v1/training/runs/"


@pytest.fixture
def client(administrator: User) -> APIClient:
    client = APIClient()
    client.credentials(
        HTTP_AUTHORIZATION=f"Token {tokens.create_token(by=administrator, now=timezone.now())}"
    )
    return client


def test_a_run_is_started_and_followed(
    active_version: ModelVersion,
    sign_required: Callable[[], None],
    client: APIClient,
    administrator: User,
) -> None:
    sign_required()

    started = client.post(RUNS, {"recipe": "tiny-cnn", "epochs": 2})
    again = client.post(RUNS, {"recipe": "tiny-cnn", "epochs": 2})

    assert started.status_code == 201
    body = started.json()
    run = TrainingRun.objects.get()
    assert (body["id"], body["status"]) == (str(run.pk), "queued")
    assert (run.started_by, run.parameters["recipe"], run.parameters["epochs"]) == (
        administrator,
        "tiny-cnn",
        2,
    )
    assert (again.status_code, again.json()["code"]) == (409, "already_training")
    assert client.get(f"{RUNS}{run.pk}/").json() == body
    assert body["version"] is None
    assert body["progress"]["epochs"] == 2


def test_a_run_that_cannot_start_is_refused_with_the_reason(
    active_version: ModelVersion, client: APIClient
) -> None:
    response = client.post(RUNS, {"recipe": "tiny-cnn"})

    assert (response.status_code, response.json()["code"]) == (409, "too_few_labels")


@pytest.mark.parametrize("fields", [{"recipe": "other"}, {"epochs": 0}, {"epochs": 101}, {"epochs": "many"}])
def test_an_invalid_parameter_is_refused(
    fields: dict[str, object], active_version: ModelVersion, client: APIClient
) -> None:
    assert client.post(RUNS, fields).status_code == 400
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize(
    ("columns", "status"),
    [
        ({"status": JobStatus.RUNNING, "phase": "training"}, "running"),
        ({"status": JobStatus.RUNNING, "stop_requested": True}, "running"),
        ({"status": JobStatus.DONE}, "done"),
        ({"status": JobStatus.DONE, "stop_requested": True}, "stopped"),
        ({"status": JobStatus.FAILED, "failure_code": "out_of_memory"}, "failed"),
        (
            {"status": JobStatus.FAILED, "stop_requested": True, "failure_code": "stopped_without_result"},
            "stopped",
        ),
        ({"status": JobStatus.FAILED, "failure_code": "leaks_found"}, "stopped"),
    ],
)
def test_the_status_of_a_run(
    columns: dict[str, object],
    status: str,
    active_version: ModelVersion,
    client: APIClient,
    now: datetime,
) -> None:
    run = TrainingRun.objects.create(
        number=1,
        queued_at=now,
        parent=active_version,
        checks_done=3,
        checks_total=29,
        check_running="A4",
        **columns,
    )

    body = client.get(f"{RUNS}{run.pk}/").json()

    assert body["status"] == status
    assert body["progress"]["trust_checks"] == {"done": 3, "total": 29, "running": "Label conflicts"}


def test_a_finished_run_names_its_version(
    active_version: ModelVersion, client: APIClient, now: datetime
) -> None:
    run = TrainingRun.objects.create(number=1, queued_at=now, status=JobStatus.DONE, candidate=active_version)

    body = client.get(f"{RUNS}{run.pk}/").json()

    assert client.get(f"/api/v1/versions/{body['version']}/").json()["number"] == active_version.number
