"""When a radiograph should have been read: what is due first is read first, and STAT before all else."""

from __future__ import annotations

from datetime import datetime, timedelta

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Priority


def due_at(site: Site, priority: str, opened_at: datetime) -> datetime:
    """Give the moment by which a site wants a radiograph read; a routine radiograph that waits long overtakes others."""
    minutes = {Priority.STAT: 0, Priority.URGENT: site.urgent_minutes}.get(
        Priority(priority), site.routine_minutes
    )
    return opened_at + timedelta(minutes=minutes)
