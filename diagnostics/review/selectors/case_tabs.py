"""Which cases the tabs and states of the list of cases hold, as conditions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet

from diagnostics import keyset
from diagnostics.accounts.models import User
from diagnostics.cases.list_indexes import FINAL, IMPORTED, OPEN
from diagnostics.cases.models import Prediction
from diagnostics.cases.selectors import visible_to
from diagnostics.cases.selectors.lists import Selected, has, selected_by
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import Assignment, ConsensusStatus
from diagnostics.review.selectors import case_counts
from diagnostics.review.selectors.claims import active_claims
from diagnostics.review.selectors.queues import cases_with_status, needing_adjudication, readable_by
from diagnostics.review.worklist_query import Tab, WorklistState

CONSENSUS_STATES: Final = {
    WorklistState.NEEDS_ADJUDICATION: ConsensusStatus.NEEDS_ADJUDICATION,
    WorklistState.SECOND_READ: ConsensusStatus.SECOND_READ,
}
PREDICTION_STATES: Final = {
    WorklistState.RECEIVED: JobStatus.QUEUED,
    WorklistState.PROCESSING: JobStatus.RUNNING,
    WorklistState.FAILED: JobStatus.FAILED,
}
PRESENT: Final = Q(withdrawn_at__isnull=True)


def selected(user: User, status: str, now: datetime) -> Selected:
    """Select the cases of a tab or a state; all open cases without one."""
    tabs: dict[str, Callable[[], Selected]] = {
        "": lambda: Selected(OPEN),
        Tab.TO_READ: lambda: to_read(user, now),
        Tab.MINE: lambda: mine(user, now),
        Tab.NEEDS_ADJUDICATION: lambda: Selected(OPEN) & selected_by(needing_adjudication()),
        Tab.FINAL: lambda: _few_or_all(user, case_counts.FINAL, FINAL),
        Tab.FAILED: failed,
        Tab.IMPORTED: lambda: _few_or_all(user, case_counts.IMPORTED, IMPORTED),
        Tab.ALL: lambda: Selected(Q()),
    }
    return tabs[status]() if status in tabs else _in_state(WorklistState(status), now)


def to_read(user: User, now: datetime) -> Selected:
    """Select the cases that a reader may read now; for other roles, those that wait for a reading."""
    if user.is_reader:
        return Selected(readable_by(user, now))
    return Selected(OPEN & ~has(needing_adjudication()))


def mine(user: User, now: datetime) -> Selected:
    """Select the open cases that are assigned to a reader or claimed by this reader."""
    claimed, assigned = active_claims(now).filter(by=user), Assignment.objects.filter(to=user)
    own = has(claimed) | has(assigned)
    if case_counts.case_counts(user)[case_counts.OPEN] <= keyset.MAX_COUNTED:
        return Selected(OPEN & own)
    # One list: a database would look for cases that are in one list or the other along all open cases.
    few = Q(pk__in=claimed.order_by().values("case").union(assigned.order_by().values("case")))
    return Selected(OPEN & few, few)  # also where many are: most of these are final


def failed() -> Selected:
    """Select the cases whose prediction has failed."""
    few = Q(pk__in=_with_prediction_status(JobStatus.FAILED).values("case"))
    return Selected(PRESENT & few, few)


def _few_or_all(user: User, state: str, condition: Q) -> Selected:
    """Select a tab whose number is kept, by its own index where another order is wanted and it is small."""
    if case_counts.case_counts(user)[state] > keyset.MAX_COUNTED:
        return Selected(condition)
    return Selected(condition, Q(pk__in=visible_to(user).filter(condition).values("pk")))


def _in_state(state: WorklistState, now: datetime) -> Selected:
    """Select the open cases of a state by the rows that define it; same rule as `worklist.with_details`."""
    claimed = active_claims(now)
    if state == WorklistState.READING:
        return Selected(OPEN) & selected_by(claimed)
    unclaimed = Selected(OPEN & ~has(claimed))
    if state in CONSENSUS_STATES:
        return unclaimed & selected_by(cases_with_status(CONSENSUS_STATES[state]))
    unread = unclaimed & Selected(~has(cases_with_status(*CONSENSUS_STATES.values())))
    return unread & selected_by(_with_prediction_status(PREDICTION_STATES[state]))


def _with_prediction_status(status: JobStatus) -> QuerySet[Prediction]:
    # Queued, running and failed predictions are always the latest of their case.
    return Prediction.objects.filter(status=status)
