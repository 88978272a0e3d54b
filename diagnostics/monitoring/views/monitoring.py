"""The page of monitoring."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.monitoring.measures import Measure
from diagnostics.monitoring.presenters import activity, drift, performance
from diagnostics.monitoring.presenters.alerts import alert_rows
from diagnostics.monitoring.selectors.alerts import alerts_visible_to, open_alerts
from diagnostics.monitoring.selectors.overview import RANGES, overview
from diagnostics.monitoring.services import alerts

DEFAULT_DAYS: Final = 30
CLOSED_SHOWN: Final = 10


@require_permission(Permission.MONITOR)
@require_safe
def page(request: StaffRequest) -> HttpResponse:
    """Show volume, drift, agreement and alerts of the user's sites."""
    days = _days(request.GET.get("days", ""))
    found = overview(request.user, days=days, now=timezone.now())
    closed = alerts_visible_to(request.user).exclude(closed_at=None)[:CLOSED_SHOWN]
    context = {
        "overview": found,
        "days": days,
        "ranges": RANGES,
        "open_alerts": alert_rows(open_alerts(request.user)),
        "closed_alerts": alert_rows(closed),
        "activity": [
            activity.volume_chart(found),
            activity.times_chart(found, Measure.WAITED),
            activity.times_chart(found, Measure.RAN),
        ],
        "codes": activity.code_rows(found.totals),
        "drift_rows": drift.drift_rows(found),
        "drift_charts": drift.drift_charts(found),
        "reference_texts": drift.reference_texts(found),
        "measure_labels": drift.measure_labels(),
        "stratum_rows": drift.stratum_rows(found),
        "performance": performance.performance_charts(found),
    }
    return render(request, "monitoring/page.html", context)


@require_permission(Permission.MONITOR)
@require_POST
def acknowledge(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Acknowledge an alert of the user's sites."""
    alert = get_object_or_404(alerts_visible_to(request.user), pk=pk)
    alerts.acknowledge(alert=alert, by=request.user, now=timezone.now())
    messages.success(request, _("Alert acknowledged."))
    return redirect("monitoring:page")


def _days(text: str) -> int:
    return int(text) if text in {str(days) for days in RANGES} else DEFAULT_DAYS
