"""The periodic task of predictions."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.cases.services import requeue


@shared_task(name="cases.requeue_lost", ignore_result=True)
def requeue_lost() -> None:
    """Requeue predictions whose worker died or whose message was lost."""
    requeue.requeue_lost(now=timezone.now())
