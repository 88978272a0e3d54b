"""Bulk retry: predictions are queued only where the active version has none."""

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
def cases(
    send_radiograph: SendRadiograph, version: ModelVersion, next_version: ModelVersion
) -> dict[str, Case]:
    """Return one case in each state; version 2 is active."""
    cases = {
        name: send_radiograph(seed) for seed, name in enumerate(("failed", "older", "newest", "running"))
    }
    cases["failed"].predictions.update(status=JobStatus.FAILED)
    cases["older"].predictions.update(status=JobStatus.DONE, version=version)
    cases["newest"].predictions.update(status=JobStatus.DONE, version=next_version)
    cases["running"].predictions.update(status=JobStatus.RUNNING)
    return cases


def test_failed_cases_and_those_of_an_older_version_are_queued_and_the_others_skipped(
    cases: dict[str, Case], technician: User, next_version: ModelVersion, now: datetime
) -> None:
    later = now + timedelta(hours=1)

    assert retry_many(cases=cases.values(), by=technician, now=later) == BulkRetryResult(queued=2, skipped=2)

    queued = Prediction.objects.filter(status=JobStatus.QUEUED)
    assert {each.case for each in queued} == {cases["failed"], cases["older"]}
    assert {(each.version, each.queued_at) for each in queued} == {(next_version, later)}
    events = AuditEvent.objects.filter(action=Action.PREDICTION_REQUESTED, by=technician)
    assert {event.target_id for event in events} == {str(each.case_id) for each in queued}
    assert retry_many(cases=cases.values(), by=technician, now=later) == BulkRetryResult(queued=0, skipped=4)


def test_a_version_that_was_rolled_back_to_is_not_run_twice_on_a_case(
    cases: dict[str, Case],
    technician: User,
    version: ModelVersion,
    next_version: ModelVersion,
    now: datetime,
) -> None:
    case = cases["older"]
    later = now + timedelta(hours=1)
    Prediction.objects.create(case=case, version=next_version, status=JobStatus.DONE, queued_at=later)
    active_version(version, later)

    assert retry_many(cases=[case], by=technician, now=later) == BulkRetryResult(queued=0, skipped=1)


def test_cases_of_another_site_are_neither_queued_nor_counted(
    cases: dict[str, Case], stranger: User, now: datetime
) -> None:
    assert retry_many(cases=cases.values(), by=stranger, now=now) == BulkRetryResult(queued=0, skipped=0)
    assert not Prediction.objects.filter(status=JobStatus.QUEUED).exists()


def test_an_inactive_user_may_not_retry(cases: dict[str, Case], technician: User, now: datetime) -> None:
    technician.is_active = False
    with pytest.raises(NotAllowed):
        retry_many(cases=cases.values(), by=technician, now=now)


def test_nothing_is_queued_without_an_active_version(
    send_radiograph: SendRadiograph, technician: User, now: datetime
) -> None:
    cases = [send_radiograph(seed) for seed in range(2)]
    Prediction.objects.update(status=JobStatus.FAILED)
    with pytest.raises(NoActiveVersion):
        retry_many(cases=cases, by=technician, now=now)
    assert not Prediction.objects.filter(status=JobStatus.QUEUED).exists()
