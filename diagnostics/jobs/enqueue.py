"""Send the message that names a queued job to the workers."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from django.db import transaction
from kombu.exceptions import ChannelError, OperationalError
from redis.exceptions import RedisError  # a full Redis raises its own errors

logger = logging.getLogger(__name__)


def enqueue(task: Any, job_id: uuid.UUID, *, queue: str | None = None) -> bool:
    """Send the task's message; False when the broker is unavailable, and a periodic task sends it later."""
    try:
        task.apply_async(args=[str(job_id)], **({"queue": queue} if queue else {}))
    except (OperationalError, ChannelError, RedisError, OSError):
        logger.warning("the broker is unavailable; %s %s will be enqueued later", task.name, job_id)
        return False
    return True


def enqueue_on_commit(task: Any, job_id: uuid.UUID, *, queue: str | None = None) -> None:
    """Send the task's message once the current transaction is committed."""

    def send() -> None:
        enqueue(task, job_id, queue=queue)

    # Robust: an error must not look as if the transaction had failed. A periodic task sends the message.
    transaction.on_commit(send, robust=True)
