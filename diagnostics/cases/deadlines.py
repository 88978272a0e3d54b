"""Reading deadlines of cases, by the site's rules for each priority."""

from __future__ import annotations

from datetime import datetime, timedelta

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Priority


def due_at(site: Site, priority: str, opened_at: datetime) -> datetime:
    """Return the time by which a case must be read."""
    minutes = {
        Priority.STAT: site.stat_minutes,
        Priority.URGENT: site.urgent_minutes,
        Priority.ROUTINE: site.routine_minutes,
    }
    return opened_at + timedelta(minutes=minutes[Priority(priority)])
