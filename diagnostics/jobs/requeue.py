"""Requeues jobs whose worker died, and sends lost messages again with exponential back-off."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Generic, TypeVar

from django.db import transaction

from diagnostics.jobs.models import MAX_ATTEMPTS, Job, JobStatus

WORKER_LOST: Final = "worker_lost"
J = TypeVar("J", bound=Job)


@dataclass(frozen=True)
class RequeueRules(Generic[J]):
    """How one type of job is enqueued again and how its last failure is recorded."""

    job_type: type[J]
    enqueue: Callable[[J], bool]
    failure_text: Callable[[str], str]
    record_failure: Callable[[J, str, datetime], None]  # writes the audit record of a job that failed
    resend_after: timedelta  # of the first message that may be lost
    longest_pause: timedelta
    reset: dict[str, Any] = field(default_factory=dict)  # columns of a requeued row


def requeue_lost(rules: RequeueRules[J], lost: Iterable[J], *, now: datetime) -> int:
    """Requeue the jobs whose lease has expired, or fail them after three attempts; return how many."""
    return sum(_requeue(rules, job, now) for job in lost)


def resend_overdue(rules: RequeueRules[J], overdue: Iterable[J], *, now: datetime) -> int:
    """Send the messages of queued jobs again; stop at the first that the broker does not take."""
    sent = 0
    for job in overdue:
        if not rules.enqueue(job):
            break
        # The pause doubles with each message, up to the longest.
        pause = min(max(now - job.queued_at, rules.resend_after), rules.longest_pause)
        rules.job_type._default_manager.filter(pk=job.pk, status=JobStatus.QUEUED).update(
            lease_until=now + pause
        )
        sent += 1
    return sent


@transaction.atomic
def _requeue(rules: RequeueRules[J], job: J, now: datetime) -> bool:
    if job.attempts >= MAX_ATTEMPTS:
        return _fail(rules, job, now)
    lost = rules.job_type.with_expired_lease(now=now).filter(pk=job.pk, token=job.token)
    queued = {
        "status": JobStatus.QUEUED,
        "token": None,
        "worker": "",
        "lease_until": now + rules.resend_after,
    }
    requeued = lost.update(**queued, **rules.reset)
    if requeued:
        transaction.on_commit(partial(rules.enqueue, job))
    return bool(requeued)


def _fail(rules: RequeueRules[J], job: J, now: datetime) -> bool:
    assert job.token is not None  # a running job has one
    text = rules.failure_text(WORKER_LOST)
    failed = rules.job_type.fail(job.pk, token=job.token, code=WORKER_LOST, text=text, now=now)
    if failed:
        rules.record_failure(job, WORKER_LOST, now)
    return failed
