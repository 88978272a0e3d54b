"""The periodic task of shadow runs."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.monitoring.services import shadow_queue


@shared_task(name="monitoring.advance_shadow_runs", ignore_result=True)
def advance_shadow_runs() -> None:
    """Queue the new cases of the open shadow run, and send messages while no case waits."""
    shadow_queue.advance(now=timezone.now())
