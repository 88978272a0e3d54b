"""The worklist: its cases, their states, and the number of cases in each state."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Case as CaseExpression
from django.db.models import OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, NullIf, Trim
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.selectors import visible_to
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import ConsensusStatus
from diagnostics.review.selectors.claims import active_claims
from diagnostics.review.selectors.queues import cases_with_status, closed_to, needing_adjudication, open_cases
from diagnostics.review.selectors.readings import standing_readings
from diagnostics.review.worklist_query import NOT_GIVEN, ORDERS, WorklistQuery, WorklistState

ALL_OPEN = WorklistQuery()
CONSENSUS_STATES = {
    WorklistState.NEEDS_ADJUDICATION: ConsensusStatus.NEEDS_ADJUDICATION,
    WorklistState.SECOND_READ: ConsensusStatus.SECOND_READ,
}
PREDICTION_STATES = {
    WorklistState.RECEIVED: JobStatus.QUEUED,
    WorklistState.PROCESSING: JobStatus.RUNNING,
    WorklistState.FAILED: JobStatus.FAILED,
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


def worklist(user: User, query: WorklistQuery = ALL_OPEN, *, now: datetime) -> QuerySet[Case]:
    """Return the cases of a worklist view: open cases unless the query asks for final ones.

    The state of each row is not computed here, so the query stays fast for 100,000 cases; see `with_details`.
    """
    is_open = query.status != WorklistState.FINAL
    cases = open_cases(user) if is_open else _final_cases(user)
    if query.status and is_open:
        cases = _in_state(cases, WorklistState(query.status), now)
    if query.q:
        cases = cases.filter(accession_number__icontains=query.q)
    if query.priority:
        cases = cases.filter(priority=query.priority)
    if query.view:
        cases = cases.filter(radiograph__view="" if query.view == NOT_GIVEN else query.view)
    if query.mine:
        cases = cases.filter(assignment__to=user)
    return cases.order_by(*(ORDERS[query.sort] if is_open or query.sort else ("-finalized_at", "pk")))


def with_details(cases: Iterable[Case], now: datetime) -> list[Any]:
    """Return cases in the same order with `state`, `reader`, radiograph and assignment."""
    order = [case.pk for case in cases]
    detailed = _with_state(Case.objects.filter(pk__in=order), now)
    rows = {case.pk: case for case in detailed.select_related("radiograph", "site", "assignment__to")}
    return [rows[pk] for pk in order]


def counts(user: User, now: datetime) -> dict[str, int]:
    """Count the cases of each state; the empty key counts all open cases."""
    every = open_cases(user)
    totals = {"": every.count(), WorklistState.FINAL.value: _final_cases(user).count()}
    # "To read" is by far the largest state, so it is derived from the others.
    counted = [state for state in WorklistState if state not in (WorklistState.TO_READ, WorklistState.FINAL)]
    totals |= {state.value: _in_state(every, state, now).count() for state in counted}
    return totals | {WorklistState.TO_READ.value: totals[""] - sum(totals[state] for state in counted)}


def day_progress(user: User, now: datetime, *, open_count: int | None = None) -> DayProgress:
    """Count a reader's first readings since midnight and the cases that the reader may still read.

    Pass `open_count`, the number of all open cases, if it is known: counting them is slow.
    """
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    signed = standing_readings().filter(by=user, supersedes=None, signed_at__gte=midnight).count()
    total = open_cases(user).count() if open_count is None else open_count
    closed = (
        closed_to(user)
        | Q(pk__in=needing_adjudication())
        | Q(pk__in=active_claims(now).exclude(by=user).values("case"))
    )
    return DayProgress(signed=signed, to_read=total - open_cases(user).filter(closed).count())


def _final_cases(user: User) -> QuerySet[Case]:
    return visible_to(user).filter(finalized_at__isnull=False)


def _in_state(cases: QuerySet[Case], state: WorklistState, now: datetime) -> QuerySet[Case]:
    """Select the cases of a state by the few rows that define it; same rule as `_with_state`."""
    claimed = active_claims(now).values("case")
    if state == WorklistState.READING:
        return cases.filter(pk__in=claimed)
    unclaimed = cases.exclude(pk__in=claimed)
    if state in CONSENSUS_STATES:
        return unclaimed.filter(pk__in=cases_with_status(CONSENSUS_STATES[state]))
    unread = unclaimed.exclude(pk__in=cases_with_status(*CONSENSUS_STATES.values()))
    if state in PREDICTION_STATES:
        return unread.filter(pk__in=_with_prediction_status(PREDICTION_STATES[state]))
    return unread.exclude(pk__in=_with_prediction_status(*PREDICTION_STATES.values()))


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
            When(finalized_at__isnull=False, then=Value(WorklistState.FINAL)),
            When(reader__isnull=False, then=Value(WorklistState.READING)),
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
