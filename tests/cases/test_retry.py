"""Retries: a new prediction of a case by the active version."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import selectors
from diagnostics.cases.errors import (
    AlreadyPredicted,
    AlreadyRunning,
    NoActiveVersion,
)
from diagnostics.cases.services import retry
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import SendRadiograph


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


def test_a_retry_after_a_failure_resets_the_same_row(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, now: datetime
):
    case = send_radiograph()
    case.predictions.update(
        status=JobStatus.FAILED, attempts=3, failure_code="internal", failure_text="Oh.", finished_at=now
    )
    later = now + timedelta(hours=1)

    prediction = retry.retry(case=case, by=technician, now=later)

    assert prediction.pk == case.predictions.get().pk
    assert (prediction.status, prediction.attempts, prediction.queued_at) == (JobStatus.QUEUED, 0, later)
    assert (prediction.failure_code, prediction.failure_text, prediction.finished_at) == ("", "", None)
    event = AuditEvent.objects.get(action=Action.PREDICTION_REQUESTED)
    assert (event.by, event.target_id, event.detail) == (technician, str(case.pk), {"version": "v1"})


def test_a_retry_with_a_new_version_creates_a_new_row(
    send_radiograph: SendRadiograph,
    technician: User,
    version: ModelVersion,
    next_version: ModelVersion,
    now: datetime,
):
    case = send_radiograph()
    case.predictions.update(status=JobStatus.DONE, version=version)

    prediction = retry.retry(case=case, by=technician, now=now + timedelta(hours=1))

    assert (prediction.status, prediction.version) == (JobStatus.QUEUED, next_version)
    assert case.predictions.count() == 2
    assert selectors.latest_prediction(case) == prediction
    assert selectors.latest_done_prediction(case) == case.predictions.get(version=version)


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING])
def test_a_retry_is_refused_while_a_prediction_is_open(
    status: JobStatus, send_radiograph: SendRadiograph, technician: User, version: ModelVersion, now: datetime
):
    case = send_radiograph()
    case.predictions.update(status=status)

    with pytest.raises(AlreadyRunning):
        retry.retry(case=case, by=technician, now=now)

    assert not AuditEvent.objects.filter(action=Action.PREDICTION_REQUESTED).exists()


def test_a_retry_is_refused_when_the_active_version_has_a_prediction(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, now: datetime
):
    case = send_radiograph()
    case.predictions.update(status=JobStatus.DONE, version=version)

    with pytest.raises(AlreadyPredicted):
        retry.retry(case=case, by=technician, now=now)


def test_a_retry_is_refused_without_an_active_version(
    send_radiograph: SendRadiograph, technician: User, now: datetime
):
    case = send_radiograph()
    case.predictions.update(status=JobStatus.FAILED)

    with pytest.raises(NoActiveVersion):
        retry.retry(case=case, by=technician, now=now)
