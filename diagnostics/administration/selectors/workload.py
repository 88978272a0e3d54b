"""Cases that wait for a reading, and the turnaround of those that became final."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np
from django.db.models import Count, Q, QuerySet, Sum

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.cases.models import Case, Priority
from diagnostics.review.models import CaseFigures, WaitingCount

MICROSECONDS_OF_A_MINUTE: Final = 60_000_000
MIN_FOR_PERCENTILE: Final = 10  # the 90th percentile of fewer cases is the slowest one


@dataclass(frozen=True)
class Waiting:
    """The open cases of one priority."""

    priority: Priority
    waiting: int
    overdue: int  # of these


@dataclass(frozen=True)
class Turnaround:
    """Minutes from upload to final finding; None where there are too few cases."""

    cases: int
    median: float | None
    percentile_90: float | None


def waiting_cases(user: User, *, now: datetime) -> list[Waiting]:
    """Return the open cases of the user's sites by priority, STAT first; control cases are left out.

    The numbers are kept by the day on which a reading is due; those due today are counted.
    """
    sites, today = _sites(user), now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = WaitingCount.objects.filter(site__in=sites).values_list("priority")
    is_late = Q(due_on__lt=today.date())
    sums = rows.annotate(waiting=Sum("change"), late=Sum("change", filter=is_late, default=0)).order_by()
    waiting = {priority: (number, late) for priority, number, late in sums}
    due = Case.objects.filter(
        site__in=sites,
        stat_rank__in=(0, 1),  # for the index, which begins with site and rank
        finalized_at=None,
        on_worklist=True,
        withdrawn_at=None,
        shown_only_to=None,
        due_at__gte=today,
        due_at__lt=now,
    )
    late_today = dict(due.order_by().values_list("priority").annotate(Count("pk")))
    return [_waiting(priority, *waiting.get(priority.value, (0, 0)), late_today) for priority in Priority]


def _waiting(priority: Priority, number: int, late: int, late_today: Mapping[str, int]) -> Waiting:
    return Waiting(priority, number, late + late_today.get(priority.value, 0))


def turnaround(user: User, *, now: datetime, over: timedelta) -> tuple[Turnaround, Turnaround]:
    """Return the turnaround of STAT cases and of all others that became final in a period."""
    final = CaseFigures.objects.filter(site__in=_sites(user), final_at__gte=now - over, final_at__lte=now)
    return _turnaround(final.filter(is_stat=True)), _turnaround(final.filter(is_stat=False))


def _sites(user: User) -> list[UUID]:
    if not user.has_permission(Permission.SEE_CASES):
        return []
    return list(user.sites.values_list("pk", flat=True))


def _turnaround(final: QuerySet[CaseFigures]) -> Turnaround:
    took = final.values_list("took", flat=True)
    minutes = np.fromiter(took, np.float64) / MICROSECONDS_OF_A_MINUTE
    enough = len(minutes) >= MIN_FOR_PERCENTILE
    return Turnaround(
        cases=len(minutes),
        median=float(np.median(minutes)) if len(minutes) else None,
        percentile_90=float(np.percentile(minutes, 90)) if enough else None,
    )
