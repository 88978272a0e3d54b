"""The knock on the workers' door; when nobody can hear it, the clock knocks later."""

from __future__ import annotations

import logging
import uuid
from functools import partial

from django.db import transaction

from diagnostics.base import is_sent
from diagnostics.cases import tasks
from diagnostics.cases.models import Priority

logger = logging.getLogger(__name__)


def knock(prediction_id: uuid.UUID, priority: str) -> bool:
    """Tell the workers that a row waits; False when the broker is away."""
    queue = "stat" if priority == Priority.STAT else "inference"
    if is_sent(lambda: tasks.classify.apply_async(args=[str(prediction_id)], queue=queue)):
        return True
    logger.warning("the broker is away: prediction %s waits for the clock", prediction_id)
    return False


def knock_on_commit(prediction_id: uuid.UUID, priority: str) -> None:
    """Knock as soon as the row can be seen by others."""
    transaction.on_commit(partial(knock, prediction_id, priority))
