"""The periodic work of monitoring, in the order in which each step needs the one before."""

from __future__ import annotations

from datetime import datetime

from diagnostics.monitoring.services import aggregation, alerts, mail, references


def watch(*, now: datetime) -> None:
    """Aggregate what has happened, freeze references, check the rules of all sites, and send e-mails."""
    aggregation.aggregate_recent(now=now)
    references.freeze_references(now=now)
    alerts.check_sites(now=now)
    mail.send_due(now=now)
