"""Alerts: those of a user's sites, and those that other systems are told of."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.monitoring.models import Alert


def alerts_visible_to(user: User) -> QuerySet[Alert]:
    """Return the alerts of the user's sites, the newest first; none without the permission to monitor."""
    if not user.has_permission(Permission.MONITOR):
        return Alert.objects.none()
    visible = Alert.objects.filter(site__in=list(user.sites.values_list("pk", flat=True)))
    return visible.select_related("site", "version", "acknowledged_by").order_by("-opened_at", "-pk")


def open_alerts(user: User) -> QuerySet[Alert]:
    """Return the alerts of the user's sites that are not closed, the newest first."""
    return alerts_visible_to(user).filter(closed_at=None)


def alerts_raised_since(at: datetime, *, after: UUID | None = None) -> QuerySet[Alert]:
    """Return the alerts of all sites opened at or after a time, the oldest first, for webhooks.

    `after` is the last alert that was read; of those opened at the same time the later ones follow it.
    """
    raised = Alert.objects.filter(opened_at__gte=at)
    if after is not None:
        raised = raised.filter(Q(opened_at__gt=at) | Q(pk__gt=after))
    return raised.select_related("site", "version").order_by("opened_at", "pk")
