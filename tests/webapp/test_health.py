"""The health pages: the state of each component, and nothing confidential."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import admission
from diagnostics.jobs import heartbeats
from diagnostics.jobs.models import Heartbeat, JobStatus
from diagnostics.registry.models import ModelVersion, Promotion
from diagnostics.training.models import TrainingRun
from tests.radiographs import radiograph_png


@pytest.fixture
def case(technician: User, settings: Any, tmp_path: Path) -> Case:
    settings.MEDIA_ROOT = tmp_path
    return admission.open_case(
        radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=timezone.now()
    ).case


WORKERS = ("worker-inference", "worker-training", "scheduler")


def states(client: Client, url: str = "/health/") -> dict[str, str]:
    components: dict[str, str] = client.get(url).json()["components"]
    return components


def beat_all(at: datetime) -> None:
    for name in WORKERS:
        heartbeats.beat(name, now=at)


def test_a_missing_active_version_is_unhealthy(client: Client, db: None) -> None:
    beat_all(timezone.now())

    response = client.get("/health/")

    assert response.status_code == 503
    assert response.json() == {
        "status": "unhealthy",
        "components": {
            "database": "ok",
            "broker": "ok",
            "model": "no active version",
            "disk": "ok",
            "storage": "ok",
        }
        | dict.fromkeys(WORKERS, "ok"),
    }


def test_an_active_version_without_files_is_reported(client: Client, db: None, now: datetime) -> None:
    version = ModelVersion.objects.create(
        number=1, bundle="gone", weights_sha256="0" * 64, manifest={}, registered_at=now
    )
    Promotion.objects.create(version=version, reason="for a test", since=now)

    assert states(client)["model"] == "files missing"


def test_a_missing_broker_folder_is_reported(client: Client, db: None, settings: Any, tmp_path: Path) -> None:
    options = {"data_folder_in": str(tmp_path / "nowhere")}
    settings.CELERY = settings.CELERY | {"broker_transport_options": options}

    assert states(client)["broker"] == "unreachable"


def test_an_unreachable_redis_is_reported_without_its_url(client: Client, db: None, settings: Any) -> None:
    settings.BROKER_URL = "redis://user:pass-word@127.0.0.1:1/0"

    response = client.get("/health/")

    assert response.json()["components"]["broker"] == "unreachable"
    assert b"pass-word" not in response.content


@pytest.mark.parametrize("url", ["/health/", "/health/live/", "/health/ready/"])
def test_post_is_not_allowed(url: str, client: Client, db: None) -> None:
    assert client.post(url).status_code == 405


def test_the_process_is_live_without_a_database(client: Client) -> None:
    # Without the fixture `db`, any query fails the test.
    assert client.get("/health/live/").json() == {"status": "ok"}


def test_requests_are_served_while_the_broker_is_away(client: Client, db: None, settings: Any) -> None:
    settings.BROKER_URL = "redis://127.0.0.1:1/0"

    response = client.get("/health/ready/")

    assert response.status_code == 200
    assert response.json()["components"] == {"database": "ok", "migrations": "ok", "broker": "fallback"}


def test_a_missing_migration_is_not_ready(client: Client, db: None) -> None:
    MigrationRecorder(connection).record_unapplied("jobs", "0001_worker_heartbeats")

    response = client.get("/health/ready/")

    assert (response.status_code, response.json()["components"]["migrations"]) == (503, "missing")


@pytest.mark.parametrize("silent", WORKERS)
def test_a_worker_whose_heartbeat_has_stopped_is_unhealthy(silent: str, client: Client, db: None) -> None:
    beat_all(timezone.now())
    Heartbeat.objects.filter(name=silent).update(at=timezone.now() - timedelta(minutes=2))

    assert {name: states(client)[name] for name in WORKERS} == dict.fromkeys(WORKERS, "ok") | {
        silent: "no heartbeat"
    }


def test_a_worker_that_never_started_is_unhealthy(client: Client, db: None) -> None:
    assert {states(client)[name] for name in WORKERS} == {"no heartbeat"}


def test_the_lease_of_a_running_job_is_a_sign_of_life(client: Client, case: Case) -> None:
    now = timezone.now()
    running = {"status": JobStatus.RUNNING, "token": case.pk, "queued_at": now, "started_at": now}
    TrainingRun.objects.create(number=1, lease_until=now + timedelta(minutes=5), **running)
    Prediction.objects.update(lease_until=now - timedelta(seconds=1), status=JobStatus.RUNNING, token=case.pk)

    found = states(client)

    assert (found["worker-training"], found["worker-inference"]) == ("ok", "no heartbeat")


def test_a_busy_worker_is_asked_for_one_heartbeat_only(db: None, now: datetime) -> None:
    minutes = [now + timedelta(minutes=minute) for minute in range(8)]

    requests = [heartbeats.is_request_due("worker-training", now=at) for at in minutes]

    assert requests == [True] + [False] * 7
    heartbeats.beat("worker-training", now=minutes[-1])
    assert heartbeats.is_request_due("worker-training", now=minutes[-1] + timedelta(minutes=1))


def test_the_status_page_names_each_component(
    client: Client, administrator: User, case: Case, now: datetime
) -> None:
    beat_all(timezone.now())
    Heartbeat.objects.filter(name="scheduler").update(at=timezone.now() - timedelta(minutes=2))
    Prediction.objects.filter(case=case).update(queued_at=timezone.now() - timedelta(minutes=6))
    TrainingRun.objects.create(
        number=1, queued_at=now, status=JobStatus.FAILED, finished_at=timezone.now(), failure_code="internal"
    )
    client.force_login(administrator)

    rows = {row.label: (row.status, row.state) for row in client.get("/status/").context["components"]}

    assert rows["Inference worker"] == ("done", "Running")
    assert rows["Scheduler"] == ("failed", "No heartbeat")
    assert rows["Queue"] == ("disagree", "1 queued prediction")
    assert rows["Failed in the last hour"] == ("disagree", "1 job")
    assert rows["Active model version"] == ("failed", "None")


def test_a_radiologist_does_not_see_the_status(client: Client, radiologist: User) -> None:
    client.force_login(radiologist)

    assert client.get("/status/").status_code == 403
