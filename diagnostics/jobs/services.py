"""Request heartbeats of the workers."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from kombu.exceptions import ChannelError, OperationalError
from redis.exceptions import RedisError

from diagnostics.jobs import heartbeats

logger = logging.getLogger(__name__)


def beat_and_request(task: Any, *, now: datetime) -> None:
    """Store the heartbeat of the inference worker, and request that of the training worker when due."""
    heartbeats.beat(heartbeats.INFERENCE, now=now)
    if heartbeats.is_request_due(heartbeats.TRAINING, now=now):
        expires = heartbeats.UNANSWERED_PAUSE.total_seconds()
        try:
            task.apply_async(args=[heartbeats.TRAINING], queue="training", expires=expires)
        except (OperationalError, ChannelError, RedisError, OSError):
            logger.warning("the broker is unavailable; no heartbeat of %s was requested", heartbeats.TRAINING)
