"""The periodic task of imports."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.imports.services import requeue, scans


@shared_task(name="imports.requeue_lost", ignore_result=True)
def requeue_lost() -> None:
    """Requeue imports whose worker died or whose message was lost, and discard old scans."""
    now = timezone.now()
    requeue.requeue_lost(now=now)
    scans.discard_old_scans(now=now)
