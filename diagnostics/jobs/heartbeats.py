"""Heartbeats: rows written by the processes that execute tasks, and by the scheduler."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max, Q

from diagnostics.jobs.models import Heartbeat, Job, JobStatus

INFERENCE: Final = "worker-inference"
TRAINING: Final = "worker-training"
SCHEDULER: Final = "scheduler"
NAMES: Final = (INFERENCE, TRAINING, SCHEDULER)

INTERVAL: Final = timedelta(seconds=10)
TRAINING_INTERVAL: Final = timedelta(seconds=30)  # each one starts a new child
UNANSWERED_PAUSE: Final = timedelta(minutes=10)  # so that few messages wait where no such worker runs
MISSING_AFTER: Final = timedelta(seconds=90)
KEPT: Final = timedelta(days=1)
_ANY_HOST: Final = ""  # of the row that holds a request

_loaded_version = ""


def note_loaded_version(version: str) -> None:
    """Remember the model version that this process has loaded, for its next heartbeat."""
    global _loaded_version
    _loaded_version = version


def beat(name: str, *, now: datetime) -> None:
    """Store a heartbeat of this process."""
    Heartbeat.objects.update_or_create(
        name=name,
        host=socket.gethostname()[:100],
        defaults={"process_id": os.getpid(), "at": now, "version": _loaded_version},
    )


def is_request_due(name: str, *, now: datetime) -> bool:
    """Claim the next request of another worker's heartbeat; False while the last is recent or unanswered."""
    request, _ = Heartbeat.objects.get_or_create(name=name, host=_ANY_HOST)
    last = last_beat(name)
    is_answered = request.requested_at is None or (last is not None and last >= request.requested_at)
    due_before = now - (TRAINING_INTERVAL if is_answered else UNANSWERED_PAUSE)
    due = Q(requested_at=None) | Q(requested_at__lte=due_before)
    return bool(Heartbeat.objects.filter(due, pk=request.pk).update(requested_at=now))


def last_beat(name: str) -> datetime | None:
    """Return the time of the newest heartbeat of a name on any host."""
    newest: datetime | None = Heartbeat.objects.filter(name=name).aggregate(newest=Max("at"))["newest"]
    return newest


def latest(*, now: datetime) -> list[Heartbeat]:
    """Return the newest heartbeat of each name and host of the last day."""
    return list(Heartbeat.objects.filter(at__gt=now - KEPT).order_by("name", "host"))


def is_alive(name: str, *job_types: type[Job], now: datetime) -> bool:
    """Return whether a process of this name lives, by a heartbeat or by the lease of a running job."""
    last = last_beat(name)
    if last is not None and last > now - MISSING_AFTER:
        return True
    running = {"status": JobStatus.RUNNING, "lease_until__gt": now}
    return any(job_type._default_manager.filter(**running).exists() for job_type in job_types)
