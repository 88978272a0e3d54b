"""Dates of patients and studies: plausible days, ages, times in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

FIRST_YEAR: Final = 1850
LAST_YEAR: Final = 2200


def is_plausible(day: date) -> bool:
    """Return whether a day can be one of a patient; the first and the last years have no time in UTC."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def years_between(birth_date: date | None, day: date | None) -> int | None:
    """Return the age on a day in years; None where either is unknown or the day is before the birth."""
    if birth_date is None or day is None or day < birth_date:
        return None
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def in_utc(study_at: datetime | None) -> datetime | None:
    """Return a time of a study in UTC; a time without an offset is taken as UTC."""
    if study_at is None:
        return None
    return study_at.astimezone(UTC) if study_at.tzinfo else study_at.replace(tzinfo=UTC)
