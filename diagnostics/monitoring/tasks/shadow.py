"""The Celery task of shadow runs."""

from __future__ import annotations

import uuid

from celery import shared_task


@shared_task(name="monitoring.score_in_shadow", ignore_result=True)
def score(shadow_prediction_id: str) -> None:
    """Score one case for a shadow run; a message delivered twice changes nothing."""
    from diagnostics.monitoring.pipeline import shadow  # only workers import the pipeline

    shadow.score(uuid.UUID(shadow_prediction_id))
