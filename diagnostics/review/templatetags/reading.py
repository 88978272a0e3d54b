"""How the review pages show what must not be shown in full."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.translation import gettext as _

from diagnostics.cases.presenters import case

register = template.Library()

MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds


@register.filter
def masked(reference: str) -> str:
    """Hide a patient reference but for its last characters."""
    return case.masked_reference(reference)


@register.filter
def due(at: datetime, now: datetime) -> str:
    """Say in one measure how long a radiograph has still time, or how late it is: 'in 17 min', '5 h late'."""
    seconds = (at - now).total_seconds()
    left = abs(seconds)
    if left < HOUR:
        span = _("%(n)d min") % {"n": left // MINUTE}
    elif left < 2 * DAY:
        span = _("%(n)d h") % {"n": left // HOUR}
    else:
        span = _("%(n)d days") % {"n": left // DAY}
    return (_("%(span)s late") if seconds < 0 else _("in %(span)s")) % {"span": span}
