"""The list of cases: the cases of a view, and their states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Case as CaseExpression
from django.db.models import OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, NullIf, Trim

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.cases.models import PRIORITY_RANK, Case, Prediction, Priority, Radiograph
from diagnostics.cases.selectors import site_ids, visible_to
from diagnostics.cases.selectors.lists import Selected, ordered, selected_by
from diagnostics.keyset import AtLeast, OrderedRows, counted, in_order
from diagnostics.review.selectors import case_search, case_tabs
from diagnostics.review.selectors.case_tabs import CONSENSUS_STATES, PREDICTION_STATES
from diagnostics.review.selectors.claims import active_claims
from diagnostics.review.selectors.queues import open_cases
from diagnostics.review.worklist_query import (
    DUE_FIRST,
    NOT_GIVEN,
    TAB_ORDERS,
    Tab,
    WorklistQuery,
    WorklistState,
)

ALL_OPEN = WorklistQuery()
NEEDED: Final = {  # the permission that a tab needs beyond seeing cases
    Tab.MINE: Permission.READ,
    Tab.NEEDS_ADJUDICATION: Permission.ASSIGN,
}
_FULL_NAME = Trim(Concat("by__first_name", Value(" "), "by__last_name"))
_DISPLAY_NAME = Coalesce(NullIf(_FULL_NAME, Value("")), "by__username")


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


def worklist(user: User, query: WorklistQuery = ALL_OPEN, *, now: datetime) -> OrderedRows:
    """Return the cases of a view of the list: all open cases unless the query names a tab or a state.

    The state of each row is not computed here; see `with_details`.
    """
    selected = case_tabs.selected(user, query.status, now) & _filtered(user, query)
    return ordered(user, selected, query.order, query.ranks)


def _filtered(user: User, query: WorklistQuery) -> Selected:
    """Select by the filters of a query; the first one that few cases match finds them."""
    selected = Selected(Q())
    if query.q:
        selected &= case_search.accession_selected(user, query.q)
    if query.priority:
        selected &= _with_priority(user, query)
    if query.view:
        selected &= _with_view(user, "" if query.view == NOT_GIVEN else query.view)
    return selected


def _with_priority(user: User, query: WorklistQuery) -> Selected:
    condition = Q(priority_rank=PRIORITY_RANK[Priority(query.priority)])
    if query.order == DUE_FIRST:
        return Selected(condition)  # an index has them in this order
    among = visible_to(user) if query.status in TAB_ORDERS else open_cases(user)
    return _few_or_all(among.filter(condition), condition)


def _with_view(user: User, view: str) -> Selected:
    radiographs = Radiograph.objects.filter(site__in=site_ids(user), view=view)
    if isinstance(counted(radiographs), AtLeast):
        return Selected(Q(listed_view=view))
    return selected_by(radiographs)


def _few_or_all(cases: QuerySet[Case], condition: Q) -> Selected:
    is_few = not isinstance(counted(cases), AtLeast)
    return Selected(condition, Q(pk__in=cases.values("pk")) if is_few else None)


def with_details(cases: Iterable[Case], now: datetime) -> list[Any]:
    """Return cases in the same order with `state`, `reader`, radiograph, site, assignment and consensus."""
    return details_of([case.pk for case in cases], now)


def details_of(keys: Sequence[UUID], now: datetime) -> list[Any]:
    """Return the cases of a page as `with_details` does."""
    detailed = _with_state(Case.objects.filter(pk__in=keys), now)
    rows = detailed.select_related("radiograph", "site", "assignment__to", "consensus")
    return in_order(rows, keys)


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
