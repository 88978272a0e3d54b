"""Requeueing of jobs whose worker died, and sending messages again, for any type of job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from diagnostics.jobs.models import MAX_ATTEMPTS, JobStatus
from diagnostics.jobs.requeue import WORKER_LOST, RequeueRules, requeue_lost, resend_overdue
from diagnostics.training.models import TrainingRun

pytestmark = pytest.mark.django_db
LEASE = timedelta(minutes=5)
RESEND_AFTER = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=5)
Capture = Callable[..., Any]


class Calls:
    """What the rules were called with; `broker_is_up` decides whether a message is sent."""

    def __init__(self) -> None:
        self.enqueued: list[UUID] = []
        self.failures: list[tuple[UUID, str, datetime]] = []
        self.broker_is_up = True

    def enqueue(self, job: TrainingRun) -> bool:
        """Record the message."""
        self.enqueued.append(job.pk)
        return self.broker_is_up

    def record_failure(self, job: TrainingRun, code: str, now: datetime) -> None:
        """Record the audit callback."""
        self.failures.append((job.pk, code, now))


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def rules(calls: Calls) -> RequeueRules[TrainingRun]:
    return RequeueRules(
        job_type=TrainingRun,
        enqueue=calls.enqueue,
        failure_text=lambda code: f"Text of {code}.",
        record_failure=calls.record_failure,
        resend_after=RESEND_AFTER,
        longest_pause=LONGEST_PAUSE,
        lease=LEASE,
    )


def queued_run(number: int, now: datetime, **columns: Any) -> TrainingRun:
    return TrainingRun.objects.create(number=number, queued_at=now, **columns)


def lost_jobs(now: datetime) -> list[TrainingRun]:
    return list(TrainingRun.with_expired_lease(now=now))


def overdue(now: datetime) -> QuerySet[TrainingRun]:
    return TrainingRun.overdue(now=now, after=RESEND_AFTER, longest_pause=LONGEST_PAUSE)


def claim(run: TrainingRun, now: datetime) -> UUID:
    token = TrainingRun.claim(run.pk, worker="host:1", lease=LEASE, now=now)
    assert token is not None
    return token


def test_a_lost_job_is_queued_again_and_enqueued_after_the_commit(
    rules: RequeueRules[TrainingRun],
    calls: Calls,
    now: datetime,
    django_capture_on_commit_callbacks: Capture,
) -> None:
    run = queued_run(1, now)
    claim(run, now)
    later = now + 2 * LEASE

    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        assert requeue_lost(rules, lost_jobs(later), now=later) == 1
        assert calls.enqueued == []

    run.refresh_from_db()
    assert (run.status, run.token, run.worker, run.attempts) == (JobStatus.QUEUED, None, "", 1)
    assert run.lease_until == later + RESEND_AFTER
    assert (len(callbacks), calls.enqueued) == (1, [run.pk])
    assert calls.failures == []


def test_a_job_lost_three_times_fails_with_a_code_a_text_and_the_audit_callback(
    rules: RequeueRules[TrainingRun], calls: Calls, now: datetime
) -> None:
    run, at = queued_run(1, now), now
    for _attempt in range(MAX_ATTEMPTS):
        claim(run, at)
        at += 2 * LEASE
        assert requeue_lost(rules, lost_jobs(at), now=at) == 1

    run.refresh_from_db()
    assert (run.status, run.attempts, run.token, run.lease_until) == (JobStatus.FAILED, 3, None, None)
    assert (run.failure_code, run.failure_text) == (WORKER_LOST, "Text of worker_lost.")
    assert run.finished_at == at
    assert calls.failures == [(run.pk, WORKER_LOST, at)]
    assert requeue_lost(rules, lost_jobs(at + LEASE), now=at + LEASE) == 0


@pytest.mark.parametrize("attempts", [1, MAX_ATTEMPTS])
def test_a_job_whose_lease_was_renewed_in_the_meantime_is_left_running(
    attempts: int, rules: RequeueRules[TrainingRun], calls: Calls, now: datetime
) -> None:
    run = queued_run(1, now, lost_attempts=attempts - 1)
    token, later = claim(run, now), now + 2 * LEASE
    lost = lost_jobs(later)
    TrainingRun.renew(run.pk, token=token, lease=LEASE, now=later)

    assert requeue_lost(rules, lost, now=later) == 0

    run.refresh_from_db()
    assert (run.status, run.token) == (JobStatus.RUNNING, token)
    assert (calls.enqueued, calls.failures) == ([], [])


@pytest.mark.parametrize("attempts", [1, MAX_ATTEMPTS])
def test_a_job_claimed_again_in_the_meantime_is_left_running(
    attempts: int, rules: RequeueRules[TrainingRun], calls: Calls, now: datetime
) -> None:
    run, later = queued_run(1, now, lost_attempts=attempts - 1), now + 2 * LEASE
    claim(run, now)
    lost = lost_jobs(later)
    token = uuid4()
    TrainingRun.objects.update(token=token)

    assert requeue_lost(rules, lost, now=later) == 0

    run.refresh_from_db()
    assert (run.status, run.token, calls.failures) == (JobStatus.RUNNING, token, [])


def test_the_columns_named_by_the_rules_are_reset(now: datetime, calls: Calls) -> None:
    rules = RequeueRules(
        job_type=TrainingRun,
        enqueue=calls.enqueue,
        failure_text=str,
        record_failure=calls.record_failure,
        resend_after=RESEND_AFTER,
        longest_pause=LONGEST_PAUSE,
        lease=LEASE,
        reset={"stop_requested": False},
    )
    run, later = queued_run(1, now, stop_requested=True), now + 2 * LEASE
    claim(run, now)

    requeue_lost(rules, lost_jobs(later), now=later)

    run.refresh_from_db()
    assert (run.status, run.stop_requested) == (JobStatus.QUEUED, False)


def test_the_pause_between_messages_doubles_up_to_the_longest(
    rules: RequeueRules[TrainingRun], calls: Calls, now: datetime
) -> None:
    run = queued_run(1, now)
    at, pauses = now + RESEND_AFTER + timedelta(seconds=1), []

    for _message in range(8):
        assert resend_overdue(rules, overdue(at), now=at) == 1
        run.refresh_from_db()
        assert run.lease_until is not None
        pauses.append((run.lease_until - at).total_seconds())
        assert not overdue(run.lease_until).exists()
        at = run.lease_until + timedelta(seconds=1)

    assert pauses == [11, 23, 47, 95, 191, 300, 300, 300]
    assert calls.enqueued == [run.pk] * 8


def test_resending_stops_at_the_first_message_that_the_broker_does_not_accept(
    rules: RequeueRules[TrainingRun], calls: Calls, now: datetime
) -> None:
    jobs = [queued_run(1, now), TrainingRun(number=2, queued_at=now)]
    calls.broker_is_up = False

    assert resend_overdue(rules, jobs, now=now + LEASE) == 0

    assert calls.enqueued == [jobs[0].pk]
    assert TrainingRun.objects.get().lease_until is None


def test_resending_does_not_touch_the_lease_of_a_job_claimed_in_the_meantime(
    rules: RequeueRules[TrainingRun], now: datetime
) -> None:
    run = queued_run(1, now)
    claim(run, now)
    run.refresh_from_db()
    until = run.lease_until

    resend_overdue(rules, [run], now=now + LEASE)

    run.refresh_from_db()
    assert (run.status, run.lease_until) == (JobStatus.RUNNING, until)


def test_a_new_job_is_overdue_only_after_the_first_pause() -> None:
    now = timezone.now()
    queued_run(1, now)

    assert not overdue(now + RESEND_AFTER).exists()
    assert overdue(now + 2 * RESEND_AFTER).exists()
