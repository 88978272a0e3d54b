"""The Celery task of training runs."""

from __future__ import annotations

import uuid
from typing import Final

from celery import shared_task

MAX_SECONDS: Final = 3 * 24 * 3600  # the worker's own limit is set for predictions


@shared_task(
    name="training.train",
    ignore_result=True,
    soft_time_limit=MAX_SECONDS,
    time_limit=MAX_SECONDS + 300,
)
def train(run_id: str) -> None:
    """Train the candidate of one queued run; a message delivered twice changes nothing."""
    from diagnostics.training import pipeline  # TensorFlow loads in the worker's child, never in its parent

    pipeline.train(uuid.UUID(run_id))
