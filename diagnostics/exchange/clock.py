"""What imports do by themselves."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.exchange import services


@shared_task(name="exchange.tick", ignore_result=True)
def tick() -> None:
    """Bring back imports whose worker died or whose knock was lost, and forget looks nobody followed up."""
    now = timezone.now()
    services.requeue_lost(now=now)
    services.clear_up(now=now)
