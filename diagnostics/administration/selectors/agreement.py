"""Agreement of AI results with blind first readings."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Subquery

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.cases.selectors.predictions import newest_of_one_finding
from diagnostics.findings import Finding
from diagnostics.review.models import FigureKind, ReadingKind
from diagnostics.review.proportion import Proportion
from diagnostics.review.selectors.figure_counts import numbers_between
from diagnostics.review.selectors.readings import ARE_FIRST, standing_readings

RESOLUTION: Final = timedelta(microseconds=1)  # of a stored time


def ai_reader_agreement(user: User, *, now: datetime, over: timedelta) -> Proportion:
    """Return how many first readings of a period have the finding of the newest AI result of their case.

    Left out are readings without a finding, AI results that name no single finding, and control cases. The
    numbers of whole hours are kept; the readings of the first and the last hour are counted.
    """
    start, first, last = now - over, _hour(now - over) + timedelta(hours=1), _hour(now)
    if first >= last:
        return _proportion(_counted(user, start, now))
    kept = numbers_between(user, FigureKind.AI_RESULT, first, last)
    counts = _counted(user, start, first - RESOLUTION) + _counted(user, last, now)
    return _proportion(counts + Counter({same: number for (same,), number in kept.items()}))


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _proportion(counts: Counter[bool]) -> Proportion:
    return Proportion(counts[True], counts.total())


def _counted(user: User, start: datetime, end: datetime) -> Counter[bool]:
    """Count the readings from one time to another, by whether they have the finding of the AI result."""
    readings = (
        standing_readings()
        .filter(ARE_FIRST, signed_at__gte=start, signed_at__lte=end, kind=ReadingKind.READING)
        .exclude(finding=Finding.CANNOT_JUDGE)
        .annotate(predicted=Subquery(newest_of_one_finding().values("finding")[:1]))
        .exclude(predicted=None)
        .order_by()
    )
    # Here and not in the query, which would then scan all cases of the sites.
    sites = (
        set(user.sites.values_list("pk", flat=True)) if user.has_permission(Permission.SEE_CASES) else set()
    )
    columns = ("case__site", "case__copy_of", "case__withdrawn_at", "finding", "predicted")
    return Counter(
        finding == predicted
        for site, copy_of, withdrawn_at, finding, predicted in readings.values_list(*columns)
        if site in sites and copy_of is None and withdrawn_at is None
    )
