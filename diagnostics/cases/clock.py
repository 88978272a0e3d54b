"""What happens to cases by itself."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.cases import services


@shared_task(name="cases.tick", ignore_result=True)
def tick() -> None:
    """Bring back predictions whose worker died or whose knock was lost."""
    services.requeue_lost(now=timezone.now())
