"""The periodic task of the audit log."""

from __future__ import annotations

from celery import shared_task

from diagnostics.audit.services import sealing


@shared_task(name="audit.seal", ignore_result=True)
def seal() -> None:
    """Seal the events that were recorded since the last time."""
    sealing.seal_all()
