"""The periodic task of training."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.training.services import requeue, schedule, snapshot_figures


@shared_task(name="training.requeue_and_schedule", ignore_result=True)
def requeue_and_schedule() -> None:
    """Requeue a lost run, and start a run when the schedule or the new findings call for one."""
    now = timezone.now()
    requeue.requeue_lost(now=now)
    schedule.evaluate_schedule(now=now)
    schedule.start_after_findings(now=now)
    snapshot_figures.count_next(now=now)
