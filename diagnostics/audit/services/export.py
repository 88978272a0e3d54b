"""Exports of the audit log, which are events themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from diagnostics.audit.models import Action, AuditEvent
from diagnostics.audit.selectors import events
from diagnostics.audit.selectors.events import EventQuery
from diagnostics.audit.services.recording import record


@transaction.atomic
def export(*, query: EventQuery, by: Any, now: datetime) -> QuerySet[AuditEvent]:
    """Return the visible events that match, oldest first, and record the export.

    The record names the filters, not their values: a value may have been typed by mistake.
    """
    matching = events.matching(by, query)
    newest = matching.first()
    selected = matching.filter(pk__lte=newest.pk if newest else 0).order_by("pk")
    record(
        action=Action.AUDIT_EXPORTED,
        by=by,
        detail={"events": selected.count(), "filters": query.filters},
        now=now,
    )
    return selected
