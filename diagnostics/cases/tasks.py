"""The Celery door of the cases: a knock that names one row."""

from __future__ import annotations

import uuid

from celery import shared_task


@shared_task(name="cases.classify", ignore_result=True)
def classify(prediction_id: str) -> None:
    """Answer one queued prediction; a knock that comes twice finds nothing to do."""
    from diagnostics.cases import pipeline  # whoever only sends the knock needs no pipeline

    pipeline.classify(uuid.UUID(prediction_id))
