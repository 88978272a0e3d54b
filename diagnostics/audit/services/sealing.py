"""Sealing: events get their position and hash in the chain, some seconds after they were recorded."""

from __future__ import annotations

import logging
from itertools import count
from typing import Final

from django.db import connection, transaction

from diagnostics.audit import anchor, chain
from diagnostics.audit.anchor import Anchor
from diagnostics.audit.models import AuditEvent
from diagnostics.audit.selectors import tail

logger = logging.getLogger(__name__)
BATCH: Final = 500  # events in one transaction
LOCK: Final = 7_265_616_464_726_001  # of PostgreSQL; any number that no other lock uses


def seal(*, batches: int | None = None) -> int:
    """Seal the unsealed events, at most the given number of batches, and return their number."""
    sealed = 0
    for _ in range(batches) if batches else count():
        batch = _seal_batch()
        sealed += batch
        if batch < BATCH:
            break
    if sealed:
        _advance_anchor()
    return sealed


def wait_for_lock() -> None:
    """Let one transaction at a time change the chain; SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _seal_batch() -> int:
    """Append unsealed events to the chain, those with the lowest ids first.

    The chain follows the order of sealing. An event whose transaction commits late is sealed by a later
    batch, so the chain needs no rule for gaps of the ids.
    """
    unsealed = AuditEvent.objects.filter(position=None).order_by("pk")
    if not unsealed.exists():
        return 0
    with transaction.atomic():
        wait_for_lock()
        end = tail.tail()
        events = list(unsealed[:BATCH])
        for event in events:
            event.position = end.position + 1
            event.hash = chain.hash_of(event, previous=end.hash)
            end = Anchor(event.position, event.hash)
        AuditEvent.objects.bulk_update(events, ["position", "hash"])
    return len(events)


def _advance_anchor() -> None:
    """Store the end of the chain, unless the stored anchor shows that events are missing."""
    stored, end = anchor.read(), tail.tail()
    if stored is not None and not tail.contains(stored):
        logger.error("The audit log does not contain its anchor at position %s.", stored.position)
        return
    anchor.write(end)
    logger.info("Audit log sealed up to position %s, hash %s", end.position, end.hash)
