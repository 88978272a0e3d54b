"""Queries of the audit log."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from diagnostics.audit.models import AuditEvent

SYSTEM_ACTOR = "system"  # selects the events of workers and periodic tasks


def events(*, action: str = "", who: str = "", target: str = "") -> QuerySet[AuditEvent]:
    """Return the events that match every given filter, newest first."""
    query = Q()
    if action:
        query &= Q(action=action)
    if who:
        query &= Q(by=None) if who == SYSTEM_ACTOR else Q(by__username__iexact=who)
    if target:
        query &= Q(target_id=target)
    return AuditEvent.objects.filter(query).select_related("by").order_by("-pk")
