"""The Celery door of training."""

from __future__ import annotations

import uuid
from typing import Final

from celery import shared_task

LONGEST: Final = 3 * 24 * 3600  # seconds; the worker's own limit is made for classifications


@shared_task(
    name="training.train",
    ignore_result=True,
    soft_time_limit=LONGEST,
    time_limit=LONGEST + 300,
)
def train(run_id: str) -> None:
    """Take one queued run and make a candidate of it."""
    from diagnostics.training import pipeline  # TensorFlow loads in the worker's child, never in its parent

    pipeline.train(uuid.UUID(run_id))
