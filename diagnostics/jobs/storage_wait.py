"""Jobs wait while the disk is full and continue without a user: such an attempt is no failure."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import Error
from django.db.models import F
from django.db.models.functions import Greatest

from diagnostics import disk
from diagnostics.jobs.lease import Clock, Lease
from diagnostics.jobs.models import Job, JobStatus

STORAGE_FULL: Final = "storage_full"
SHORTEST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=1)

logger = logging.getLogger(__name__)


def must_wait(job_type: type[Job], job_id: UUID, *, clock: Clock) -> bool:
    """Return whether a queued job must wait for space; its message is then sent again after a pause."""
    if disk.has_room():
        return False
    logger.warning("the storage is full: job %s waits", job_id)
    queued = job_type._default_manager.filter(pk=job_id, status=JobStatus.QUEUED)
    try:
        for job in queued:
            queued.update(failure_code=STORAGE_FULL, lease_until=_next_message(job, clock()))
    except Error:  # the database is on the same disk; the row stays queued
        logger.warning("the database cannot record that job %s waits", job_id)
    return True


def requeue(lease: Lease, job_type: type[Job], **reset: Any) -> bool:
    """Requeue a claimed job whose files could not be stored; False when the claim was lost.

    The attempt is not counted, except the first one: a second attempt reuses what the first has stored.
    """
    logger.warning("the storage is full: job %s is requeued", lease.job_id)
    claimed = job_type.claimed(lease.job_id, lease.token)
    return any(
        claimed.update(
            status=JobStatus.QUEUED,
            token=None,
            worker="",
            attempts=Greatest(F("attempts") - 1, 1),
            failure_code=STORAGE_FULL,
            lease_until=_next_message(job, lease.clock()),
            **reset,
        )
        for job in claimed
    )


def is_waiting(job: Job) -> bool:
    """Return whether a job waits for space."""
    return job.status == JobStatus.QUEUED and job.failure_code == STORAGE_FULL


def _next_message(job: Job, now: datetime) -> datetime:
    # The pause doubles with each message, up to the longest.
    return now + min(max(now - job.queued_at, SHORTEST_PAUSE), LONGEST_PAUSE)
