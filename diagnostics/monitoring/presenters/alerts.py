"""Alerts as rows of the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from diagnostics.monitoring import alert_texts
from diagnostics.monitoring.models import Alert
from diagnostics.registry.presenters.badges import Badge


@dataclass(frozen=True)
class AlertRow:
    """One alert."""

    pk: UUID
    title: str
    site: str
    sentence: str
    advice: str
    badge: Badge
    opened_at: datetime
    closed_at: datetime | None
    acknowledged: str
    mail: str
    may_acknowledge: bool


def alert_rows(alerts: Iterable[Alert]) -> list[AlertRow]:
    """Return alerts for the page."""
    return [
        AlertRow(
            pk=alert.pk,
            title=alert_texts.title(alert),
            site=alert.site.name,
            sentence=alert_texts.sentence(alert),
            advice="" if alert.closed_at else alert_texts.advice(alert),
            badge=_badge(alert),
            opened_at=alert.opened_at,
            closed_at=alert.closed_at,
            acknowledged=alert.acknowledged_by.get_username() if alert.acknowledged_by else "",
            mail=alert_texts.mail_text(alert),
            may_acknowledge=alert.acknowledged_at is None,
        )
        for alert in alerts
    ]


def _badge(alert: Alert) -> Badge:
    if alert.closed_at:
        return Badge("info", "info", _("Closed"))
    return (
        Badge("warn", "warn", _("Acknowledged"))
        if alert.acknowledged_at
        else Badge("failed", "stat", _("Open"))
    )
