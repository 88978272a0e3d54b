"""The events that an administrator may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.utils import timezone

from diagnostics.audit.models import Action, AuditEvent

SYSTEM_ACTOR = "system"  # selects the events of workers and periodic tasks


@dataclass(frozen=True)
class EventQuery:
    """Filters of the audit log; an empty one selects every event."""

    since: date | None = None
    until: date | None = None  # included
    action: str = ""
    who: str = ""
    target: str = ""

    @property
    def filters(self) -> list[str]:
        """Return the names of the filters in use."""
        return [name for name, value in vars(self).items() if value]


def visible_to(user: Any) -> QuerySet[AuditEvent]:
    """Return the events of the user's sites, newest first.

    An event without a site belongs to the sites of the user who acted; without either, to all sites.
    """
    sites = user.sites.values("pk")
    colleagues = get_user_model().objects.filter(sites__in=sites).values("pk")
    own = Q(site__in=sites) | Q(site=None) & (Q(by=None) | Q(by=user.pk) | Q(by__in=colleagues))
    return AuditEvent.objects.filter(own).select_related("by").order_by("-pk")


def matching(user: Any, query: EventQuery) -> QuerySet[AuditEvent]:
    """Return the visible events that match every filter, newest first."""
    selected = Q()
    if query.since:
        selected &= Q(at__gte=_midnight(query.since))
    if query.until:
        selected &= Q(at__lt=_midnight(query.until + timedelta(days=1)))
    if query.action:
        selected &= Q(action=query.action)
    if query.who:
        selected &= Q(by=None) if query.who == SYSTEM_ACTOR else Q(by__username__iexact=query.who)
    if query.target:
        selected &= Q(target_id=query.target)
    return visible_to(user).filter(selected)


def last(action: Action) -> AuditEvent | None:
    """Return the newest event of an action, of any site."""
    return AuditEvent.objects.filter(action=action).order_by("-at", "-pk").first()  # an index has this order


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
