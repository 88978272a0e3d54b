"""Asking the machine again about many radiographs: about those where it can bring something, and no others."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.errors import NoActiveVersion
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services.bulk_retry import BulkRetryResult, retry_many
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import SendRadiograph, active_version


@pytest.fixture
def radiographs(
    send_radiograph: SendRadiograph, version: ModelVersion, next_version: ModelVersion
) -> dict[str, Case]:
    """Give one radiograph of each standing; version 2 is in force."""
    radiographs = {
        name: send_radiograph(seed) for seed, name in enumerate(("failed", "older", "newest", "busy"))
    }
    radiographs["failed"].predictions.update(status=JobStatus.FAILED)
    radiographs["older"].predictions.update(status=JobStatus.DONE, version=version)
    radiographs["newest"].predictions.update(status=JobStatus.DONE, version=next_version)
    radiographs["busy"].predictions.update(status=JobStatus.RUNNING)
    return radiographs


def test_failed_radiographs_and_those_of_an_older_version_are_queued_and_the_others_left_out(
    radiographs: dict[str, Case], technician: User, next_version: ModelVersion, now: datetime
) -> None:
    later = now + timedelta(hours=1)

    assert retry_many(cases=radiographs.values(), by=technician, now=later) == BulkRetryResult(
        queued=2, left_out=2
    )

    waiting = Prediction.objects.filter(status=JobStatus.QUEUED)
    assert {each.case for each in waiting} == {radiographs["failed"], radiographs["older"]}
    assert {(each.version, each.queued_at) for each in waiting} == {(next_version, later)}
    events = AuditEvent.objects.filter(action=Action.CASE_RETRIED, by=technician)
    assert {event.target_id for event in events} == {str(each.case_id) for each in waiting}
    assert retry_many(cases=radiographs.values(), by=technician, now=later) == BulkRetryResult(
        queued=0, left_out=4
    )


def test_a_version_that_came_back_is_not_asked_for_what_it_said_before(
    radiographs: dict[str, Case],
    technician: User,
    version: ModelVersion,
    next_version: ModelVersion,
    now: datetime,
) -> None:
    case = radiographs["older"]
    later = now + timedelta(hours=1)
    Prediction.objects.create(case=case, version=next_version, status=JobStatus.DONE, queued_at=later)
    active_version(version, later)

    assert retry_many(cases=[case], by=technician, now=later) == BulkRetryResult(queued=0, left_out=1)


def test_radiographs_of_another_site_are_neither_queued_nor_counted(
    radiographs: dict[str, Case], stranger: User, now: datetime
) -> None:
    assert retry_many(cases=radiographs.values(), by=stranger, now=now) == BulkRetryResult(
        queued=0, left_out=0
    )
    assert not Prediction.objects.filter(status=JobStatus.QUEUED).exists()


def test_who_has_left_the_hospital_may_not_ask(
    radiographs: dict[str, Case], technician: User, now: datetime
) -> None:
    technician.is_active = False
    with pytest.raises(NotAllowed):
        retry_many(cases=radiographs.values(), by=technician, now=now)


def test_without_a_version_in_force_nothing_is_queued(
    send_radiograph: SendRadiograph, technician: User, now: datetime
) -> None:
    cases = [send_radiograph(seed) for seed in range(2)]
    Prediction.objects.update(status=JobStatus.FAILED)
    with pytest.raises(NoActiveVersion):
        retry_many(cases=cases, by=technician, now=now)
    assert not Prediction.objects.filter(status=JobStatus.QUEUED).exists()
