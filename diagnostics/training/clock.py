"""What training does by itself."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.training import services


@shared_task(name="training.tick", expires=30, ignore_result=True)
def tick() -> None:
    """Queue again what a dead worker left, and start the scheduled run when it is due."""
    now = timezone.now()
    services.requeue_lost(now=now)
    services.consider_schedule(now=now)
