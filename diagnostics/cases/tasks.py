"""The Celery task of predictions."""

from __future__ import annotations

import uuid

from celery import shared_task


@shared_task(name="cases.classify", ignore_result=True)
def classify(prediction_id: str) -> None:
    """Compute one queued prediction; a message delivered twice changes nothing."""
    from diagnostics.cases import pipeline  # only workers import the pipeline

    pipeline.classify(uuid.UUID(prediction_id))
