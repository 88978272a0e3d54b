"""The days whose aggregates are missing or may have changed."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from diagnostics.cases.models import Prediction
from diagnostics.monitoring.models import Aggregate, Period
from diagnostics.review.models import Reading

FIRST_DAYS: Final = timedelta(days=31)  # of an installation without aggregates; the command adds the rest


def days_to_aggregate(*, today: date) -> list[date]:
    """Return today, the last day with aggregates, and the days since then on which something happened."""
    last = _last_day()
    since = last or today - FIRST_DAYS
    return sorted({today, *([last] if last else []), *(day for day in active_days(since) if day <= today)})


def active_days(since: date) -> set[date]:
    """Return the days from one on with a finished prediction or a signed reading."""
    start = local_midnight(since)
    finished = Prediction.objects.filter(finished_at__gte=start)
    signed = Reading.objects.filter(signed_at__gte=start)
    return _days(finished, "finished_at") | _days(signed, "signed_at")


def days_between(since: date, until: date) -> list[date]:
    """Return the days of a period on which something happened, or that have aggregates already."""
    starts = Aggregate.objects.filter(period=Period.DAY, start__gte=local_midnight(since))
    counted = {timezone.localdate(start) for start in starts.values_list("start", flat=True).distinct()}
    return sorted(day for day in active_days(since) | counted if day <= until)


def first_day() -> date | None:
    """Return the day of the first finished prediction; None without one."""
    finished = Prediction.objects.filter(finished_at__isnull=False).order_by("finished_at")
    at = finished.values_list("finished_at", flat=True).first()
    return timezone.localdate(at) if at else None


def local_midnight(day: date) -> datetime:
    """Return the beginning of a day in the time zone of the installation."""
    return timezone.make_aware(datetime.combine(day, time.min))


def _last_day() -> date | None:
    days = Aggregate.objects.filter(period=Period.DAY).order_by("-start")
    at = days.values_list("start", flat=True).first()
    return timezone.localdate(at) if at else None


def _days(rows: QuerySet[Any], column: str) -> set[date]:
    days = rows.order_by().values_list(TruncDate(column), flat=True)
    return set(days.distinct())
