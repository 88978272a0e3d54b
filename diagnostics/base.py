"""What every room shares: refusals a person may read, and rows that are work."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import ChannelError, OperationalError
from redis.exceptions import RedisError  # a Redis that is full says so in its own words

MAX_ATTEMPTS = 3


class DomainError(Exception):
    """A refusal whose message the user may read; `code` is stable for scripts."""

    code = "refused"


class NotAllowed(DomainError):
    """The person's role does not include this."""

    code = "not_allowed"


class Trouble(Exception):
    """A failure of work that was foreseen; `code` names a sentence for a person."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def trouble_code(error: Exception) -> str:
    """Name the failure that an error in the work comes to; "internal" when nobody foresaw it."""
    if isinstance(error, Trouble):
        return error.code
    if isinstance(error, SoftTimeLimitExceeded):
        return "out_of_time"
    # TensorFlow's own, by name: a question about memory must not import it.
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "out_of_memory"
    return "internal"


def is_sent(send: Callable[[], object]) -> bool:
    """Send a message; False when the broker is away, and the clock will send it again."""
    try:
        send()
    except (OperationalError, ChannelError, RedisError, OSError):
        return False
    return True


class Status(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


OPEN = (Status.QUEUED, Status.RUNNING)


class Work(models.Model):
    """A row that a worker takes, computes and finishes; the message is only a knock on the door."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=100, blank=True)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    failure_code = models.CharField(max_length=40, blank=True)
    failure_text = models.TextField(blank=True)

    class Meta:
        abstract = True

    @classmethod
    def claim(cls, pk: uuid.UUID, *, worker: str, lease: timedelta, now: datetime) -> uuid.UUID | None:
        """Take a queued row for one worker; None when another message took it before."""
        token = uuid.uuid4()
        taken = cls._default_manager.filter(pk=pk, status=Status.QUEUED).update(
            status=Status.RUNNING,
            attempts=F("attempts") + 1,
            token=token,
            worker=worker,
            lease_until=now + lease,
            started_at=now,
        )
        return token if taken else None

    @classmethod
    def renew(cls, pk: uuid.UUID, *, token: uuid.UUID, lease: timedelta, now: datetime) -> bool:
        """Prolong the lease of a running row; False when the row was taken away meanwhile."""
        return bool(cls._held(pk, token).update(lease_until=now + lease))

    @classmethod
    def finish(cls, pk: uuid.UUID, *, token: uuid.UUID, now: datetime, **result: Any) -> bool:
        """Mark a held row done with its result; False when the row was taken away meanwhile."""
        return bool(
            cls._held(pk, token).update(
                status=Status.DONE, finished_at=now, token=None, lease_until=None, **result
            )
        )

    @classmethod
    def fail(cls, pk: uuid.UUID, *, token: uuid.UUID, code: str, text: str, now: datetime) -> bool:
        """Mark a held row failed, with the reason a person will read."""
        return bool(
            cls._held(pk, token).update(
                status=Status.FAILED,
                finished_at=now,
                token=None,
                lease_until=None,
                failure_code=code,
                failure_text=text,
            )
        )

    @classmethod
    def lost(cls, *, now: datetime) -> models.QuerySet[Any]:
        """Rows whose worker let the lease run out."""
        return cls._default_manager.filter(status=Status.RUNNING, lease_until__lt=now)

    @classmethod
    def _held(cls, pk: uuid.UUID, token: uuid.UUID) -> models.QuerySet[Any]:
        return cls._default_manager.filter(Q(pk=pk, token=token, status=Status.RUNNING))
