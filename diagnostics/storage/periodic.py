"""The periodic task of stored files."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.storage import services


@shared_task(name="storage.sweep", ignore_result=True)
def sweep() -> None:
    """Delete old files that no row names."""
    services.sweep(now=timezone.now())
