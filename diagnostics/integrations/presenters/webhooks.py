"""Rows of the pages of webhooks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _

from diagnostics.integrations.errors.webhooks import webhook_problem
from diagnostics.integrations.models import WebhookDelivery, WebhookTry
from diagnostics.integrations.models.webhooks import WebhookEvent
from diagnostics.jobs.models import JobStatus

LABELS = {event.value: event.label for event in WebhookEvent}


@dataclass(frozen=True)
class DeliveryRow:
    """One delivery of the log."""

    delivery: WebhookDelivery
    event: str
    status: str
    tries: list[TryRow]
    next_at: datetime | None
    can_redeliver: bool


@dataclass(frozen=True)
class TryRow:
    """One request of a delivery."""

    at: datetime
    result: str
    hint: str
    milliseconds: int


def delivery_row(delivery: WebhookDelivery) -> DeliveryRow:
    """Return the row of a delivery."""
    is_open = delivery.status in (JobStatus.QUEUED, JobStatus.RUNNING)
    return DeliveryRow(
        delivery=delivery,
        event=str(LABELS.get(delivery.event, _("test"))),
        status=_status(delivery),
        tries=_try_rows(delivery.log.all()),
        next_at=delivery.lease_until if delivery.status == JobStatus.QUEUED and delivery.tries else None,
        can_redeliver=not is_open,
    )


def _status(delivery: WebhookDelivery) -> str:
    if delivery.status == JobStatus.QUEUED and delivery.tries:
        return _("Failed, will be tried again")
    return {
        JobStatus.QUEUED: _("Queued"),
        JobStatus.RUNNING: _("Being sent"),
        JobStatus.DONE: _("Delivered"),
        JobStatus.FAILED: _("Given up"),
    }[JobStatus(delivery.status)]


def _try_rows(log: Iterable[WebhookTry]) -> list[TryRow]:
    """Return the tries, the last one with its hint."""
    rows = [_try_row(entry) for entry in log]
    return [*(replace(row, hint="") for row in rows[:-1]), *rows[-1:]]


def _try_row(entry: WebhookTry) -> TryRow:
    if entry.response_code is not None:
        is_accepted = 200 <= entry.response_code < 300
        hint = "" if is_accepted else webhook_problem("status_refused")
        return TryRow(entry.at, str(entry.response_code), hint, round(entry.seconds * 1000))
    return TryRow(entry.at, _("no response"), webhook_problem(entry.problem), round(entry.seconds * 1000))
