"""The tile of monitoring: open alerts and drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.administration.presenters.tiles import Tile
from diagnostics.monitoring import alert_texts
from diagnostics.monitoring.models import Alert
from diagnostics.registry.presenters.badges import Badge

MOST_NAMED: Final = 3


def monitoring_tile(alerts: Sequence[Alert], *, cases: int, least: int, hours: int) -> Tile:
    """Return the tile of open alerts; no good badge from fewer than `least` cases in the last hours."""
    unacknowledged = sum(alert.acknowledged_at is None for alert in alerts)
    counted = ngettext("%(n)d case in %(h)d hours", "%(n)d cases in %(h)d hours", cases)
    lines = [f"{alert_texts.title(alert)}: {alert_texts.sentence(alert)}" for alert in alerts[:MOST_NAMED]]
    return Tile(
        key="monitoring",
        title=_("Monitoring"),
        url=reverse("monitoring:page"),
        lead=str(len(alerts)),
        unit=ngettext("open alert", "open alerts", len(alerts)),
        badge=_badge(len(alerts), unacknowledged, too_few=cases < least),
        lines=(*lines, counted % {"n": cases, "h": hours}),
    )


def _badge(alerts: int, unacknowledged: int, *, too_few: bool) -> Badge:
    if unacknowledged:
        text = ngettext("%(n)d not acknowledged", "%(n)d not acknowledged", unacknowledged)
        return Badge("failed", "stat", text % {"n": unacknowledged})
    if alerts:
        return Badge("warn", "warn", _("Acknowledged"))
    if too_few:
        return Badge("info", "info", _("Too few cases for drift"))
    return Badge("done", "good", _("No rule is broken"))
