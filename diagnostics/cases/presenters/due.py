"""The due time of a case in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds


@dataclass(frozen=True)
class DueTime:
    """When a case should be read, in words."""

    at: datetime
    text: str
    is_overdue: bool


def due_time(at: datetime, now: datetime) -> DueTime:
    """Return a due time relative to now in one unit: 'in 17 min', '5 h late'."""
    seconds = (at - now).total_seconds()
    distance = abs(seconds)
    if distance < HOUR:
        span = _("%(n)d min") % {"n": distance // MINUTE}
    elif distance < 2 * DAY:
        span = _("%(n)d h") % {"n": distance // HOUR}
    else:
        span = _("%(n)d days") % {"n": distance // DAY}
    text = _("%(span)s late") if seconds < 0 else _("in %(span)s")
    return DueTime(at, text % {"span": span}, is_overdue=seconds < 0)
