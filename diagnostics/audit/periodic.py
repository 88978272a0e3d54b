"""The periodic task of the audit log."""

from __future__ import annotations

from typing import Final

from celery import shared_task

from diagnostics.audit.services import sealing

MOST_BATCHES: Final = 10  # in one task, because the same worker computes predictions


@shared_task(name="audit.seal", ignore_result=True)
def seal() -> None:
    """Seal the events that were recorded since the last time."""
    sealing.seal(batches=MOST_BATCHES)
