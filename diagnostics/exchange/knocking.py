"""The knock that an import waits; when nobody can hear it, the clock knocks later."""

from __future__ import annotations

import logging
import uuid
from functools import partial

from django.db import transaction

from diagnostics.base import is_sent
from diagnostics.exchange import tasks

logger = logging.getLogger(__name__)


def knock(import_id: uuid.UUID) -> bool:
    """Tell a worker that an import waits; False when the broker is away."""
    if is_sent(lambda: tasks.carry_on.delay(str(import_id))):
        return True
    logger.warning("the broker is away: import %s waits for the clock", import_id)
    return False


def knock_on_commit(import_id: uuid.UUID) -> None:
    """Knock as soon as the row can be seen by others."""
    transaction.on_commit(partial(knock, import_id))
