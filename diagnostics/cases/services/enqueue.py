"""Enqueues predictions on the queue of their case's priority."""

from __future__ import annotations

import uuid

from diagnostics.cases import tasks
from diagnostics.cases.models import Priority
from diagnostics.jobs import enqueue


def enqueue_prediction(prediction_id: uuid.UUID, priority: str) -> bool:
    """Send the message of a queued prediction; False when the broker is unavailable."""
    return enqueue.enqueue(tasks.classify, prediction_id, queue=_queue_of(priority))


def enqueue_prediction_on_commit(prediction_id: uuid.UUID, priority: str) -> None:
    """Send the message of a queued prediction once the current transaction is committed."""
    enqueue.enqueue_on_commit(tasks.classify, prediction_id, queue=_queue_of(priority))


def _queue_of(priority: str) -> str:
    return tasks.STAT_QUEUE if priority == Priority.STAT else tasks.INFERENCE_QUEUE
