"""The list of cases: the cases of a view, their states, and the number of cases in each tab."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db.models import Case as CaseExpression
from django.db.models import OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, NullIf, Trim
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.selectors import visible_to
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import Assignment, ConsensusStatus
from diagnostics.review.selectors.case_counts import FINAL, IMPORTED, OPEN, case_counts
from diagnostics.review.selectors.claims import active_claims
from diagnostics.review.selectors.queues import (
    cases_with_status,
    closed_to,
    needing_adjudication,
    open_cases,
    readable_cases,
)
from diagnostics.review.selectors.readings import standing_readings
from diagnostics.review.worklist_query import NOT_GIVEN, Tab, WorklistQuery, WorklistState

ALL_OPEN = WorklistQuery()
CONSENSUS_STATES: Final = {
    WorklistState.NEEDS_ADJUDICATION: ConsensusStatus.NEEDS_ADJUDICATION,
    WorklistState.SECOND_READ: ConsensusStatus.SECOND_READ,
}
PREDICTION_STATES: Final = {
    WorklistState.RECEIVED: JobStatus.QUEUED,
    WorklistState.PROCESSING: JobStatus.RUNNING,
    WorklistState.FAILED: JobStatus.FAILED,
}
NEEDED: Final = {  # the permission that a tab needs beyond seeing cases
    Tab.MINE: Permission.READ,
    Tab.NEEDS_ADJUDICATION: Permission.ASSIGN,
}
_FULL_NAME = Trim(Concat("by__first_name", Value(" "), "by__last_name"))
_DISPLAY_NAME = Coalesce(NullIf(_FULL_NAME, Value("")), "by__username")


class DayProgress(NamedTuple):
    """A reader's progress since midnight."""

    signed: int
    to_read: int

    @property
    def number(self) -> int:
        """Return the number of the case being read, counted from 1."""
        return self.signed + 1

    @property
    def total(self) -> int:
        """Return the number of cases signed and to read."""
        return self.signed + self.to_read


def allowed_tabs(user: User) -> list[Tab]:
    """Return the tabs of a user's role, in the order of the page."""
    return [tab for tab in Tab if tab not in NEEDED or user.has_permission(NEEDED[tab])]


def resolved(query: WorklistQuery, user: User) -> WorklistQuery:
    """Return a query with the first tab of the role where it names none that the role may see.

    That is the cases to read for those who read and assign, and all cases for others.
    """
    refused = query.status in Tab.values and query.status not in allowed_tabs(user)
    if query.status and not refused:
        return query
    return query.but(status=Tab.TO_READ if user.has_permission(Permission.ASSIGN) else Tab.ALL)


def worklist(user: User, query: WorklistQuery = ALL_OPEN, *, now: datetime) -> QuerySet[Case]:
    """Return the cases of a view of the list: all open cases unless the query names a tab or a state.

    The state of each row is not computed here, so the query stays fast for 100,000 cases; see `with_details`.
    """
    cases = _with_status(user, query.status, now)
    if query.q:
        cases = cases.filter(accession_number__icontains=query.q)
    if query.priority:
        cases = cases.filter(priority=query.priority)
    if query.view:
        cases = cases.filter(radiograph__view="" if query.view == NOT_GIVEN else query.view)
    return cases.order_by(*query.ordering)


def to_read(user: User, now: datetime) -> QuerySet[Case]:
    """Return the cases that a reader may read now; for other roles, those that wait for a reading."""
    if user.is_reader:
        return readable_cases(user, now)
    return open_cases(user).exclude(pk__in=needing_adjudication())


def with_details(cases: Iterable[Case], now: datetime) -> list[Any]:
    """Return cases in the same order with `state`, `reader`, radiograph, site, assignment and consensus."""
    order = [case.pk for case in cases]
    detailed = _with_state(Case.objects.filter(pk__in=order), now)
    rows = detailed.select_related("radiograph", "site", "assignment__to", "consensus")
    found = {case.pk: case for case in rows}
    return [found[pk] for pk in order]


def counts(user: User, now: datetime) -> dict[str, int]:
    """Return the number of cases of each tab; the empty key counts all open cases."""
    kept = case_counts(user)
    totals = {
        "": kept[OPEN],
        Tab.MINE.value: mine(user, now).count() if user.is_reader else 0,
        Tab.NEEDS_ADJUDICATION.value: open_cases(user).filter(pk__in=needing_adjudication()).count(),
        Tab.FINAL.value: kept[FINAL],
        Tab.FAILED.value: _failed(user).count(),
        Tab.IMPORTED.value: kept[IMPORTED],
        Tab.ALL.value: sum(kept.values()),
    }
    return totals | {Tab.TO_READ.value: _count_to_read(user, now, totals)}


def day_progress(user: User, now: datetime, *, open_count: int | None = None) -> DayProgress:
    """Count a reader's first readings since midnight and the cases that the reader may still read.

    Pass `open_count`, the number of all open cases, if it is known: counting them is slow.
    """
    total = open_cases(user).count() if open_count is None else open_count
    closed = (
        closed_to(user)
        | Q(pk__in=needing_adjudication())
        | Q(pk__in=active_claims(now).exclude(by=user).values("case"))
    )
    left = total - open_cases(user).filter(closed).count()
    return DayProgress(signed=signed_today(user, now), to_read=left)


def signed_today(user: User, now: datetime) -> int:
    """Count a reader's first readings since midnight."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return standing_readings().filter(by=user, supersedes=None, signed_at__gte=midnight).count()


def mine(user: User, now: datetime) -> QuerySet[Case]:
    """Return the open cases that are assigned to a reader or claimed by this reader."""
    claimed = active_claims(now).filter(by=user).values("case")
    assigned = Assignment.objects.filter(to=user).values("case")
    return open_cases(user).filter(Q(pk__in=claimed) | Q(pk__in=assigned))


def _count_to_read(user: User, now: datetime, totals: dict[str, int]) -> int:
    if user.is_reader:
        return day_progress(user, now, open_count=totals[""]).to_read
    return totals[""] - totals[Tab.NEEDS_ADJUDICATION]


def _with_status(user: User, status: str, now: datetime) -> QuerySet[Case]:
    tabs: dict[str, Callable[[], QuerySet[Case]]] = {
        "": lambda: open_cases(user),
        Tab.TO_READ: lambda: to_read(user, now),
        Tab.MINE: lambda: mine(user, now),
        Tab.NEEDS_ADJUDICATION: lambda: open_cases(user).filter(pk__in=needing_adjudication()),
        Tab.FINAL: lambda: _present(user).filter(finalized_at__isnull=False),
        Tab.FAILED: lambda: _failed(user),
        Tab.IMPORTED: lambda: _present(user).filter(finalized_at=None, on_worklist=False),
        Tab.ALL: lambda: visible_to(user),
    }
    return tabs[status]() if status in tabs else _in_state(user, WorklistState(status), now)


def _present(user: User) -> QuerySet[Case]:
    return visible_to(user).filter(withdrawn_at=None)


def _failed(user: User) -> QuerySet[Case]:
    return _present(user).filter(pk__in=_with_prediction_status(JobStatus.FAILED))


def _in_state(user: User, state: WorklistState, now: datetime) -> QuerySet[Case]:
    """Select the open cases of a state by the few rows that define it; same rule as `_with_state`."""
    cases, claimed = open_cases(user), Q(pk__in=active_claims(now).values("case"))
    if state == WorklistState.READING:
        return cases.filter(claimed)
    unclaimed = cases.exclude(claimed)
    if state in CONSENSUS_STATES:
        return unclaimed.filter(pk__in=cases_with_status(CONSENSUS_STATES[state]))
    unread = unclaimed.exclude(pk__in=cases_with_status(*CONSENSUS_STATES.values()))
    return unread.filter(pk__in=_with_prediction_status(PREDICTION_STATES[state]))


def _with_prediction_status(*statuses: JobStatus) -> QuerySet[Any, Any]:
    # Queued, running and failed predictions are always the latest of their case.
    return Prediction.objects.filter(status__in=statuses).values("case")


def _with_state(cases: QuerySet[Case], now: datetime) -> QuerySet[Any]:
    claim = active_claims(now).filter(case=OuterRef("pk"))
    latest = Prediction.objects.filter(case=OuterRef("pk")).order_by("-queued_at")
    return cases.annotate(
        reader=Subquery(claim.annotate(name=_DISPLAY_NAME).values("name")[:1]),
        prediction_status=Subquery(latest.values("status")[:1]),
    ).annotate(
        state=CaseExpression(
            When(withdrawn_at__isnull=False, then=Value(WorklistState.WITHDRAWN)),
            When(finalized_at__isnull=False, then=Value(WorklistState.FINAL)),
            When(reader__isnull=False, then=Value(WorklistState.READING)),
            When(on_worklist=False, then=Value(WorklistState.IMPORTED)),
            *(
                When(consensus__status=status, then=Value(state))
                for state, status in CONSENSUS_STATES.items()
            ),
            *(
                When(prediction_status=status, then=Value(state))
                for state, status in PREDICTION_STATES.items()
            ),
            default=Value(WorklistState.TO_READ),
        )
    )
