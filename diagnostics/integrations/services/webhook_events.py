"""Turn events of the audit log into deliveries: each one once for every endpoint that wants it.

The audit log is the source, because its rows are written in the transaction of each change. Sealing gives the
committed rows positions without gaps, so a row that commits late is not passed over
(docs/adr/0039-doors-for-other-systems.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from diagnostics.audit.models import Action, AuditEvent
from diagnostics.audit.selectors import tail
from diagnostics.audit.services import sealing
from diagnostics.cases.models import Case
from diagnostics.integrations import tasks
from diagnostics.integrations.models import WebhookDelivery, WebhookPosition
from diagnostics.integrations.models.webhooks import WebhookEvent
from diagnostics.integrations.selectors.webhooks import endpoints_for
from diagnostics.jobs.enqueue import enqueue_on_commit
from diagnostics.review.services import undo_signature

BATCH: Final = 500  # events in one transaction
SETTLED_AFTER: Final = undo_signature.GRANTED + timedelta(seconds=5)  # an undo may commit late
NAMESPACE: Final = uuid.UUID("8f3b9d52-2d5e-4b6e-9d43-7c1f0f6f4e21")  # of the ids that follow from positions
SIGNED: Final = (Action.READING_SIGNED.value, Action.READING_AMENDED.value)
EVENTS: Final[dict[str, WebhookEvent]] = {
    Action.PREDICTION_STORED: WebhookEvent.CASE_FINISHED,
    Action.PREDICTION_STOPPED: WebhookEvent.CASE_FINISHED,
    Action.PREDICTION_FAILED: WebhookEvent.CASE_FAILED,
    Action.READING_SIGNED: WebhookEvent.READING_SIGNED,
    Action.READING_AMENDED: WebhookEvent.READING_AMENDED,
    Action.RUN_FINISHED: WebhookEvent.RUN_FINISHED,
    Action.RUN_FAILED: WebhookEvent.RUN_FAILED,
    Action.VERSION_PROMOTED: WebhookEvent.VERSION_PROMOTED,
    "alert-raised": WebhookEvent.ALERT_RAISED,
}


def collect(*, now: datetime) -> int:
    """Queue the deliveries of the settled events since the last time; return the number of events read."""
    start()
    sealing.seal(batches=1)
    return _collect_batch(now)


def start() -> WebhookPosition:
    """Return the position of the collection; where there is none yet it begins at the end of the log."""
    # Events that are recorded but not sealed come later; the time of an endpoint's creation excludes them.
    return WebhookPosition.objects.get_or_create(pk=1, defaults={"position": tail.tail().position})[0]


@transaction.atomic
def _collect_batch(now: datetime) -> int:
    position = WebhookPosition.objects.select_for_update().get(pk=1).position
    sealed = AuditEvent.objects.filter(position__gt=position).order_by("position")[:BATCH]
    read = 0
    for event in sealed:
        if now - SETTLED_AFTER < event.at <= now:
            break
        for name in _names_of(event):
            _queue(name, event, now)
        position, read = event.position or position, read + 1
    WebhookPosition.objects.filter(pk=1).update(position=position)
    return read


def _names_of(event: AuditEvent) -> Iterator[WebhookEvent]:
    """Yield what an event of the audit log means for endpoints."""
    name = EVENTS.get(event.action)
    if name is None:
        return
    case = Case.objects.filter(pk=event.target_id).first() if event.target_kind == "case" else None
    if case is not None and case.copy_of_id is not None:
        return  # a control case is not told from others by its events either
    if event.action in SIGNED and _was_undone(event):
        return
    yield name
    if event.action in SIGNED and case is not None and case.finalized_at == event.at:
        yield WebhookEvent.CASE_FINAL


def _was_undone(event: AuditEvent) -> bool:
    undone = AuditEvent.objects.filter(action=Action.SIGNATURE_UNDONE, target_id=event.target_id)
    return undone.filter(by=event.by_id, at__gte=event.at, at__lte=event.at + SETTLED_AFTER).exists()


def _queue(name: WebhookEvent, event: AuditEvent, now: datetime) -> None:
    for endpoint in endpoints_for(name, event.site):
        if event.at < endpoint.created_at:
            continue
        delivery, is_new = WebhookDelivery.objects.get_or_create(
            endpoint=endpoint,
            event_id=uuid.uuid5(NAMESPACE, f"{event.position}:{event.hash}:{name}"),
            defaults={
                "event": name,
                "subject": event.target_kind,
                "subject_id": event.target_id,
                "occurred_at": event.at,
                "queued_at": now,
            },
        )
        if is_new:
            enqueue_on_commit(tasks.deliver, delivery.pk)
