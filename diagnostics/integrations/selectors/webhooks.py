"""Reads of webhook endpoints and deliveries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.integrations.models import WebhookDelivery, WebhookEndpoint
from diagnostics.integrations.policy import webhook_schedule
from diagnostics.jobs.models import JobStatus

SENT_AGAIN_AFTER = timedelta(seconds=10)  # when a message was lost


def endpoints_visible_to(user: User) -> QuerySet[WebhookEndpoint]:
    """Return the endpoints of the user's sites; none without the permission."""
    if not user.has_permission(Permission.MANAGE_INTEGRATIONS):
        return WebhookEndpoint.objects.none()
    return WebhookEndpoint.objects.filter(site__in=user.sites.values("pk")).select_related("site")


def deliveries_visible_to(user: User) -> QuerySet[WebhookDelivery]:
    """Return the deliveries to endpoints of the user's sites, the newest first, with their tries."""
    visible = endpoints_visible_to(user).values("pk")
    deliveries = WebhookDelivery.objects.filter(endpoint__in=visible)
    return deliveries.select_related("endpoint").prefetch_related("log")


def endpoints_for(event: str, site: UUID | None) -> list[WebhookEndpoint]:
    """Return the active endpoints of an event's site that want it; of all sites where it belongs to none."""
    endpoints: Iterable[WebhookEndpoint] = WebhookEndpoint.objects.filter(is_active=True)
    return [each for each in endpoints if event in each.events and site in (None, each.site_id)]


def due_deliveries(*, now: datetime) -> QuerySet[Any]:
    """Return the queued deliveries whose next try is due, or is due at a time that no pause explains."""
    unsent = Q(lease_until=None) & (
        Q(queued_at__lt=now - SENT_AGAIN_AFTER) | Q(queued_at__gt=now + SENT_AGAIN_AFTER)
    )
    doubtful = Q(lease_until__gt=now + 2 * webhook_schedule.LONGEST_PAUSE)
    due = Q(lease_until__lte=now) | doubtful
    return WebhookDelivery.objects.filter(unsent | due, status=JobStatus.QUEUED).order_by("queued_at")
