"""What may be known of the worklist, of claims and of readings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Case as When_
from django.db.models import OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, NullIf, Trim
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.selectors import visible_to
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import ConsensusStatus, Reading
from diagnostics.review.selectors.claims import active_claims
from diagnostics.review.selectors.queues import cases_with_status, closed_to, needing_adjudication, open_cases
from diagnostics.review.worklist_query import NOT_GIVEN, ORDERS, WorklistQuery, WorklistState

ALL_OPEN = WorklistQuery()
JUDGED = {
    WorklistState.DISAGREE: ConsensusStatus.DISAGREE,
    WorklistState.SECOND_READ: ConsensusStatus.SECOND_READ,
}
MACHINE = {
    WorklistState.RECEIVED: JobStatus.QUEUED,
    WorklistState.PROCESSING: JobStatus.RUNNING,
    WorklistState.FAILED: JobStatus.FAILED,
}
_FULL_NAME = Trim(Concat("by__first_name", Value(" "), "by__last_name"))
_NAME = Coalesce(NullIf(_FULL_NAME, Value("")), "by__username")


class Today(NamedTuple):
    """How far a reader has come today."""

    signed: int
    waiting: int

    @property
    def number(self) -> int:
        return self.signed + 1

    @property
    def of(self) -> int:
        return self.signed + self.waiting


def worklist(user: User, wanted: WorklistQuery = ALL_OPEN, *, now: datetime) -> QuerySet[Case]:
    """The table of the worklist: open cases unless a status says otherwise, without any score.

    No row is looked at for its state here, so that a hundred thousand cost what a page costs; see `dressed`.
    """
    is_open = wanted.status != WorklistState.FINAL
    cases = open_cases(user) if is_open else _final(user)
    if wanted.status and is_open:
        cases = _in_state(cases, WorklistState(wanted.status), now)
    if wanted.q:
        cases = cases.filter(accession_number__icontains=wanted.q)
    if wanted.priority:
        cases = cases.filter(priority=wanted.priority)
    if wanted.view:
        cases = cases.filter(radiograph__view="" if wanted.view == NOT_GIVEN else wanted.view)
    if wanted.mine:
        cases = cases.filter(assignment__to=user)
    return cases.order_by(*(ORDERS[wanted.sort] if is_open or wanted.sort else ("-finalized_at", "pk")))


def with_details(cases: Iterable[Case], now: datetime) -> list[Any]:
    """Give a page's cases in their order with radiograph, state, and who reads them or is to read them."""
    order = [case.pk for case in cases]
    found = _with_state(Case.objects.filter(pk__in=order), now).select_related("radiograph", "assignment__to")
    rows = {case.pk: case for case in found}
    return [rows[pk] for pk in order]


def counts(user: User, now: datetime) -> dict[str, int]:
    """Count the cases of each state; the empty key counts all that wait for a reader."""
    still_read = open_cases(user)
    found = {"": still_read.count(), WorklistState.FINAL.value: _final(user).count()}
    few = [state for state in WorklistState if state not in (WorklistState.TO_READ, WorklistState.FINAL)]
    found |= {state.value: _in_state(still_read, state, now).count() for state in few}
    return found | {WorklistState.TO_READ.value: found[""] - sum(found[state] for state in few)}


def today(user: User, now: datetime, *, still_read: int | None = None) -> Today:
    """Count what a reader has signed since midnight and what waits for this reader.

    `still_read` spares counting all open cases again.
    """
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    signed = Reading.objects.filter(by=user, supersedes=None, signed_at__gte=midnight).count()
    every = open_cases(user).count() if still_read is None else still_read
    closed = (
        closed_to(user)
        | Q(pk__in=needing_adjudication())
        | Q(pk__in=active_claims(now).exclude(by=user).values("case"))
    )
    return Today(signed=signed, waiting=every - open_cases(user).filter(closed).count())


def _final(user: User) -> QuerySet[Case]:
    return visible_to(user).filter(finalized_at__isnull=False)


def _in_state(cases: QuerySet[Case], state: WorklistState, now: datetime) -> QuerySet[Case]:
    """Find the cases of a state from the few rows that put them there; as `_with_state` tells it."""
    held = active_claims(now).values("case")
    if state == WorklistState.READING:
        return cases.filter(pk__in=held)
    free = cases.exclude(pk__in=held)
    if state in JUDGED:
        return free.filter(pk__in=cases_with_status(JUDGED[state]))
    unread = free.exclude(pk__in=cases_with_status(*JUDGED.values()))
    if state in MACHINE:
        return unread.filter(pk__in=_machine(MACHINE[state]))
    return unread.exclude(pk__in=_machine(*MACHINE.values()))


def _machine(*statuses: JobStatus) -> QuerySet[Any, Any]:
    # Waiting, running and failed predictions are always the latest of their case.
    return Prediction.objects.filter(status__in=statuses).values("case")


def _with_state(cases: QuerySet[Case], now: datetime) -> QuerySet[Any]:
    held = active_claims(now).filter(case=OuterRef("pk"))
    machine = Prediction.objects.filter(case=OuterRef("pk")).order_by("-queued_at")
    return cases.annotate(
        reader=Subquery(held.annotate(name=_NAME).values("name")[:1]),
        machine=Subquery(machine.values("status")[:1]),
    ).annotate(
        state=When_(
            When(finalized_at__isnull=False, then=Value(WorklistState.FINAL)),
            When(reader__isnull=False, then=Value(WorklistState.READING)),
            *(
                When(consensus__standing=consensus_status, then=Value(state))
                for state, consensus_status in JUDGED.items()
            ),
            *(When(Q(machine=status), then=Value(state)) for state, status in MACHINE.items()),
            default=Value(WorklistState.TO_READ),
        )
    )
