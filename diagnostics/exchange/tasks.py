"""The Celery door of imports."""

from __future__ import annotations

import uuid

from celery import shared_task

from diagnostics.base import is_sent


@shared_task(name="exchange.carry_on", ignore_result=True)
def carry_on(import_id: str) -> None:
    """Bring in the next films of an import for a few seconds; knocks again while there are more."""
    from diagnostics.exchange import pipeline  # whoever only sends the knock needs no pipeline

    if pipeline.carry_on(uuid.UUID(import_id)):
        is_sent(lambda: carry_on.delay(import_id))  # if the broker is away, the clock knocks
