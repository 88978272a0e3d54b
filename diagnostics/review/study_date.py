"""A study date or month, as it is typed into a search."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

DATES: Final = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?"),
    re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"),
    re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})"),
)


def days_of(text: str) -> tuple[date, date] | None:
    """Return the first and the last day of a date or a month; None for another text or an impossible date."""
    return next((days for pattern in DATES if (days := _days(pattern.fullmatch(text)))), None)


def _days(match: re.Match[str] | None) -> tuple[date, date] | None:
    if match is None:
        return None
    year, month, day = int(match["year"]), int(match["month"]), match["day"]
    try:
        first = date(year, month, int(day) if day else 1)
        following = date(year + month // 12, month % 12 + 1, 1)
    except ValueError:
        return None
    return first, first if day else following - timedelta(days=1)
