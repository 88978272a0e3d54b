"""The periodic task of monitoring."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.monitoring.services import watch as monitoring


@shared_task(name="monitoring.watch", ignore_result=True)
def watch() -> None:
    """Aggregate recent predictions and readings, and raise alerts."""
    monitoring.watch(now=timezone.now())
