"""The knock on the training worker's door; when nobody can hear it, the clock knocks later."""

from __future__ import annotations

import logging
import uuid
from functools import partial

from django.db import transaction

from diagnostics.base import is_sent
from diagnostics.training import tasks

logger = logging.getLogger(__name__)


def knock(run_id: uuid.UUID) -> bool:
    """Tell the worker that a run waits; False when the broker is away."""
    if is_sent(lambda: tasks.train.delay(str(run_id))):
        return True
    logger.warning("the broker is away: training run %s waits for the clock", run_id)
    return False


def knock_on_commit(run_id: uuid.UUID) -> None:
    """Knock as soon as the row can be seen by others."""
    transaction.on_commit(partial(knock, run_id))
