"""The periodic task of webhooks."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.integrations.services import webhook_events, webhook_requeue


@shared_task(name="webhooks.collect_and_requeue", ignore_result=True)
def collect_and_requeue() -> None:
    """Queue deliveries of new events, send those that are due, and remove old ones from the log."""
    now = timezone.now()
    webhook_events.collect(now=now)
    webhook_requeue.requeue_due(now=now)
    webhook_requeue.prune(now=now)
