"""The abstract job: a row that a worker claims, computes and finishes."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

MAX_ATTEMPTS: Final = 3  # in a row, without progress
RENEWALS_PER_LEASE: Final = 5


class JobStatus(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


OPEN_STATUSES: Final = (JobStatus.QUEUED, JobStatus.RUNNING)


class Job(models.Model):
    """Background work as a row. The row holds the status; the message to the worker only names the row.

    For a queued row `lease_until` is the time of the next message, or empty before the first one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    status = models.CharField(max_length=8, choices=JobStatus.choices, default=JobStatus.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)  # claims, orderly interruptions included
    # Attempts in a row whose worker was lost and that added nothing to `progress`.
    lost_attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    progress = models.PositiveIntegerField(default=0, db_default=0)  # at the last loss; see RequeueRules
    token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=100, blank=True)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    stop_requested = models.BooleanField(default=False)
    failure_code = models.CharField(max_length=40, blank=True)
    failure_text = models.TextField(blank=True)

    class Meta:
        abstract = True

    @classmethod
    def claim(cls, pk: uuid.UUID, *, worker: str, lease: timedelta, now: datetime) -> uuid.UUID | None:
        """Claim a queued job for one worker; return its token, or None when it is no longer queued."""
        token = uuid.uuid4()
        claimed = cls._default_manager.filter(pk=pk, status=JobStatus.QUEUED).update(
            status=JobStatus.RUNNING,
            attempts=F("attempts") + 1,
            token=token,
            worker=worker,
            lease_until=now + lease,
            started_at=now,
        )
        return token if claimed else None

    @classmethod
    def renew(cls, pk: uuid.UUID, *, token: uuid.UUID, lease: timedelta, now: datetime) -> bool:
        """Extend the lease of a claimed job; False when the claim was lost."""
        return bool(cls.claimed(pk, token).update(lease_until=now + lease))

    @classmethod
    def release(cls, pk: uuid.UUID, *, token: uuid.UUID, resend_at: datetime, **columns: Any) -> bool:
        """Queue a claimed job again; no lost attempt is counted. False when the claim was lost."""
        queued = {"status": JobStatus.QUEUED, "token": None, "worker": "", "lease_until": resend_at}
        return bool(cls.claimed(pk, token).update(**queued, **columns))

    @classmethod
    def finish(cls, pk: uuid.UUID, *, token: uuid.UUID, now: datetime, **result: Any) -> bool:
        """Store the result of a claimed job and mark it done; False when the claim was lost."""
        done = {"status": JobStatus.DONE, "finished_at": now, "token": None, "lease_until": None}
        done["failure_code"] = ""  # that of a wait for space
        return bool(cls.claimed(pk, token).update(**done, **result))

    @classmethod
    def fail(cls, pk: uuid.UUID, *, token: uuid.UUID, code: str, text: str, now: datetime) -> bool:
        """Mark a claimed job failed, with the text a user will read; False when the claim was lost."""
        return bool(cls.claimed(pk, token).update(**cls.failure_columns(code=code, text=text, now=now)))

    @staticmethod
    def failure_columns(*, code: str, text: str, now: datetime) -> dict[str, Any]:
        """Return the columns of a job that failed."""
        return {
            "status": JobStatus.FAILED,
            "finished_at": now,
            "token": None,
            "lease_until": None,
            "failure_code": code,
            "failure_text": text,
        }

    @classmethod
    def claimed(cls, pk: uuid.UUID, token: uuid.UUID) -> models.QuerySet[Any]:
        """Select the running job that this token has claimed."""
        return cls._default_manager.filter(pk=pk, token=token, status=JobStatus.RUNNING)

    @classmethod
    def with_expired_lease(cls, *, now: datetime) -> models.QuerySet[Any]:
        """Select the running jobs whose worker has not renewed the lease in time."""
        return cls._default_manager.filter(status=JobStatus.RUNNING, lease_until__lt=now)

    @classmethod
    def with_doubtful_lease(cls, *, now: datetime, lease: timedelta) -> models.QuerySet[Any]:
        """Select the running jobs whose lease ends so early or so late that a clock must have jumped.

        A periodic task finds an expired lease within seconds; no lease is longer than `lease`.
        """
        early, late = models.Q(lease_until__lt=now - lease), models.Q(lease_until__gt=now + 2 * lease)
        return cls._default_manager.filter(early | late, status=JobStatus.RUNNING)

    @classmethod
    def overdue(cls, *, now: datetime, after: timedelta, longest_pause: timedelta) -> models.QuerySet[Any]:
        """Select the queued jobs whose message is due again, or is due at a time that no pause explains."""
        unsent = models.Q(lease_until=None) & (
            models.Q(queued_at__lt=now - after) | models.Q(queued_at__gt=now + after)
        )
        due = models.Q(lease_until__lt=now) | models.Q(lease_until__gt=now + 2 * longest_pause)
        return cls._default_manager.filter(unsent | due, status=JobStatus.QUEUED)


class Heartbeat(models.Model):
    """The last sign of life of a worker's child or of the scheduler, on one host."""

    name = models.CharField(max_length=40)  # of the process: worker-inference, worker-training, scheduler
    host = models.CharField(max_length=100)
    process_id = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(null=True)  # empty: a heartbeat was requested and none has come
    requested_at = models.DateTimeField(null=True)
    version = models.CharField(max_length=40, blank=True)  # of the model that the process has loaded

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "host"], name="one_heartbeat_per_name_and_host")
        ]
