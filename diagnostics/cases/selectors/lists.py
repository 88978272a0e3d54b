"""Lists of cases in pages that take as long for a million cases as for a thousand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, UUIDField, Value
from django.db.models.lookups import Exact, IsNull

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.cases.models import PRIORITY_RANK, Case, Prediction
from diagnostics.cases.selectors import (
    prediction_status,
    shown_to,
    site_ids,
    visible_to,
    with_predictions,
)
from diagnostics.jobs.models import JobStatus
from diagnostics.keyset import AtLeast, OrderedRows, Ranks, Unindexed, counted, in_order

NEWEST_FIRST: Final = "-opened_at"
BY_PRIORITY: Final = Ranks("priority_rank", tuple(sorted(PRIORITY_RANK.values())))
BY_PRIORITY_LAST_FIRST: Final = Ranks("priority_rank", BY_PRIORITY.values[::-1])
ORDERINGS: Final[dict[str, tuple[Ranks | None, tuple[str, ...]]]] = {
    "opened_at": (None, ("opened_at", "pk")),
    "-opened_at": (None, ("-opened_at", "-pk")),
    "priority": (BY_PRIORITY, ("opened_at", "pk")),
    "-priority": (BY_PRIORITY_LAST_FIRST, ("opened_at", "pk")),
    "accession_number": (None, ("accession_number", "pk")),
    "-accession_number": (None, ("-accession_number", "-pk")),
}


def case_list(user: User, *, status: str = "", ordering: str = "") -> OrderedRows:
    """Return visible cases by the status of their latest prediction; unknown orderings mean newest first."""
    ranks, order = ORDERINGS.get(ordering, ORDERINGS[NEWEST_FIRST])
    selected = Selected(Q())
    if status:
        selected = Selected(Q(Exact(prediction_status(), Value(status))))
    if status and status != JobStatus.DONE:  # almost every case has a finished prediction
        selected &= selected_by(Prediction.objects.filter(status=status))
    return ordered(user, selected, order, ranks)


def cases_of_page(keys: Sequence[UUID]) -> list[Case]:
    """Return the cases of a page in its order, with predictions and `prediction_status`."""
    rows = with_predictions(Case.objects.filter(pk__in=keys)).annotate(prediction_status=prediction_status())
    return in_order(rows, keys)


def parts_by_site(user: User) -> tuple[Q, ...]:
    """Return a condition for each site of a user: an index orders the cases of one site."""
    return tuple(Q(site=pk) for pk in site_ids(user)) or (Q(),)


class Selected(NamedTuple):
    """A condition of cases, and one of few cases that it implies, from which they are found fastest."""

    condition: Q
    few: Q | None = None

    def __and__(self, other: Selected) -> Selected:
        """Return both conditions."""
        return Selected(self.condition & other.condition, self.few or other.few)


def selected_by(rows: QuerySet[Any]) -> Selected:
    """Select the cases of rows with a `case`; many rows are looked up case by case along the list."""
    if isinstance(counted(rows), AtLeast):
        return Selected(has(rows))
    few = Q(pk__in=rows.order_by().values("case"))
    return Selected(few, few)


def has(rows: QuerySet[Any]) -> Q:
    """Match the cases that have one of some rows with a `case`, looked up case by case.

    Not `Exists` or `pk__in`: for these a database may read all the rows first.
    """
    row = rows.order_by().filter(case=OuterRef("pk")).values("case")[:1]
    return Q(IsNull(Subquery(row), False))


def ordered(
    user: User, selected: Selected, order: tuple[str, ...], ranks: Ranks | None = None
) -> OrderedRows:
    """Return the selected visible cases in an order."""
    if selected.few is not None:
        return OrderedRows(visible_among(user, selected.few).filter(selected.condition), order, ranks)
    return OrderedRows(visible_to(user).filter(selected.condition), order, ranks, parts_by_site(user))


def visible_among(user: User, few: Q) -> QuerySet[Case]:
    """Return the visible cases that match a condition of few cases, which are then found first."""
    if not user.has_permission(Permission.SEE_CASES):
        return Case.objects.none()
    at = Unindexed(F("site_id"), output_field=UUIDField())
    return Case.objects.alias(at=at).filter(few, shown_to(user), at__in=site_ids(user))
