"""Requeue jobs whose worker died, and send lost messages again with exponential back-off."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Generic, TypeVar

from django.db import transaction
from django.db.models import QuerySet

from diagnostics.jobs.models import MAX_ATTEMPTS, RENEWALS_PER_LEASE, Job, JobStatus
from diagnostics.jobs.workers import host_prefix, is_dead

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
    lease: timedelta  # its duration
    # What the job has completed so far, in any unit; a lost attempt that adds to it is not counted.
    progress_of: Callable[[J], int] = lambda _job: 0
    reset: dict[str, Any] = field(default_factory=dict)  # columns of a requeued row


def requeue_all(rules: RequeueRules[J], *, now: datetime) -> int:
    """Requeue every lost job of the type, and send the overdue messages again; return their number."""
    postpone_doubtful_leases(rules, now=now)
    requeued = requeue_lost(rules, lost_jobs(rules, now=now), now=now)
    overdue = rules.job_type.overdue(now=now, after=rules.resend_after, longest_pause=rules.longest_pause)
    return requeued + resend_overdue(rules, overdue, now=now)


def postpone_doubtful_leases(rules: RequeueRules[J], *, now: datetime) -> None:
    """Let the leases that a jump of the clock has ended, or prolonged, end a little later than `now`.

    A living worker renews its lease in that time; the lease of a lost one expires.
    """
    doubtful = rules.job_type.with_doubtful_lease(now=now, lease=rules.lease)
    if doubtful.exists():  # an update of no row would wait for the only writer of SQLite
        doubtful.update(lease_until=now + rules.lease * 2 / RENEWALS_PER_LEASE)


def lost_jobs(rules: RequeueRules[J], *, now: datetime) -> list[J]:
    """Return the running jobs whose lease has expired or whose worker, on this host, has ended."""
    running = rules.job_type._default_manager.filter(status=JobStatus.RUNNING)
    of_this_host = running.filter(worker__startswith=host_prefix(), lease_until__gte=now)
    expired = rules.job_type.with_expired_lease(now=now)
    return [*expired, *(job for job in of_this_host if is_dead(job.worker))]


def requeue_lost(rules: RequeueRules[J], lost: Iterable[J], *, now: datetime) -> int:
    """Requeue lost jobs, or fail them after three attempts without progress; return their number."""
    return sum(_requeue(rules, job, now) for job in lost)


def resend_overdue(rules: RequeueRules[J], overdue: Iterable[J], *, now: datetime) -> int:
    """Send the messages of queued jobs again; stop at the first failure. Return the number sent."""
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
    progress = rules.progress_of(job)
    lost_attempts = 0 if progress > job.progress else job.lost_attempts + 1
    if lost_attempts >= MAX_ATTEMPTS:
        return _fail(rules, job, now)
    queued = {
        "status": JobStatus.QUEUED,
        "token": None,
        "worker": "",
        "lease_until": now + rules.resend_after,
        "lost_attempts": lost_attempts,
        "progress": max(progress, job.progress),
    }
    requeued = _still_lost(rules, job).update(**queued, **rules.reset)
    if requeued:
        transaction.on_commit(partial(rules.enqueue, job))
    return bool(requeued)


def _fail(rules: RequeueRules[J], job: J, now: datetime) -> bool:
    text = rules.failure_text(WORKER_LOST)
    columns = Job.failure_columns(code=WORKER_LOST, text=text, now=now) | {"lost_attempts": MAX_ATTEMPTS}
    failed = _still_lost(rules, job).update(**columns)
    if failed:
        rules.record_failure(job, WORKER_LOST, now)
    return bool(failed)


def _still_lost(rules: RequeueRules[J], job: J) -> QuerySet[J]:
    """Select the job again, unless its worker has renewed the lease since the job was read."""
    unchanged = {"pk": job.pk, "token": job.token, "lease_until": job.lease_until}
    return rules.job_type._default_manager.filter(status=JobStatus.RUNNING, **unchanged)
