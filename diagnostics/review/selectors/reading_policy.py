"""The reading policy of a site, and the events that changed it."""

from __future__ import annotations

from typing import Final

from diagnostics.accounts.models import Site
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.review.models import ReadingPolicy

CHANGES: Final = (Action.READING_POLICY_CHANGED, Action.SITE_CHANGED)
MOST_EVENTS: Final = 50


def policy_of(site: Site) -> ReadingPolicy:
    """Return the reading policy of a site, or the default one: a single reader for every radiograph."""
    return ReadingPolicy.objects.filter(site=site).first() or ReadingPolicy(site=site)


def policy_events(site: Site) -> list[AuditEvent]:
    """Return the newest events that changed the policy or the rules of a site, newest first."""
    events = AuditEvent.objects.filter(site=site.pk, action__in=CHANGES).select_related("by")
    return list(events.order_by("-pk")[:MOST_EVENTS])
