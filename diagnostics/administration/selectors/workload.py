"""Cases that wait for a reading, and the turnaround of those that became final."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median, quantiles
from typing import Final

from django.db.models import Count, F, Q

from diagnostics.accounts.models import User
from diagnostics.cases.models import Priority
from diagnostics.cases.selectors import visible_to
from diagnostics.review.selectors.queues import open_cases

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
    """Return the open cases of the user's sites by priority, STAT first; one query beside the sites."""
    counts = (
        open_cases(user)
        .filter(withdrawn_at=None)
        .order_by()
        .values_list("priority")
        .annotate(waiting=Count("pk"), overdue=Count("pk", filter=Q(due_at__lt=now)))
    )
    found = {priority: (waiting, overdue) for priority, waiting, overdue in counts}
    return [Waiting(priority, *found.get(priority.value, (0, 0))) for priority in Priority]


def turnaround(user: User, *, now: datetime, over: timedelta) -> tuple[Turnaround, Turnaround]:
    """Return the turnaround of STAT cases and of all others that became final in a period."""
    final = visible_to(user).filter(
        finalized_at__gte=now - over, finalized_at__lte=now, on_worklist=True, withdrawn_at=None
    )
    minutes: dict[bool, list[float]] = {True: [], False: []}
    for case in final.annotate(took=F("finalized_at") - F("opened_at")).values("priority", "took"):
        minutes[case["priority"] == Priority.STAT].append(case["took"].total_seconds() / 60)
    return _turnaround(minutes[True]), _turnaround(minutes[False])


def _turnaround(minutes: Iterable[float]) -> Turnaround:
    durations = list(minutes)
    enough = len(durations) >= MIN_FOR_PERCENTILE
    return Turnaround(
        cases=len(durations),
        median=median(durations) if durations else None,
        percentile_90=quantiles(durations, n=10, method="inclusive")[-1] if enough else None,
    )
