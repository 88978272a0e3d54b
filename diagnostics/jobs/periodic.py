"""The heartbeats of the workers, executed by their children."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.jobs import heartbeats, services


@shared_task(name="jobs.heartbeats", ignore_result=True)
def beat_and_request() -> None:
    """Store the heartbeat of this inference worker and ask the training worker for one."""
    services.beat_and_request(beat, now=timezone.now())


@shared_task(name="jobs.heartbeat", ignore_result=True)
def beat(name: str) -> None:
    """Store the heartbeat of the worker that executes this."""
    heartbeats.beat(name, now=timezone.now())
