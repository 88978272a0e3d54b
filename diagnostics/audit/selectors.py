"""Reads of the record."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from diagnostics.audit.models import AuditEvent

SYSTEM_ACTOR = "machine"  # what a person types for what workers and the clock did


def events(*, action: str = "", who: str = "", target: str = "") -> QuerySet[AuditEvent]:
    """List the record, newest first, narrowed by whatever is given."""
    wanted = Q()
    if action:
        wanted &= Q(action=action)
    if who:
        wanted &= Q(by=None) if who == SYSTEM_ACTOR else Q(by__username__iexact=who)
    if target:
        wanted &= Q(target_id=target)
    return AuditEvent.objects.filter(wanted).select_related("by").order_by("-pk")
