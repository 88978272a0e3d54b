"""The worklist as values for its template: filter links, sortable columns, rows and messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from diagnostics.cases.models import Priority, View
from diagnostics.cases.presenters import case as case_presenters
from diagnostics.cases.presenters.due import DueTime, due_time
from diagnostics.cases.services.bulk_retry import BulkRetryResult
from diagnostics.review.presenters.status import StatusLabel, state_label
from diagnostics.review.selectors.worklist import DayProgress
from diagnostics.review.worklist_query import WorklistQuery, WorklistState

SORTABLE: Final[Mapping[str, Promise]] = {
    "received": gettext_lazy("Received"),
    "study": gettext_lazy("Study date"),
    "accession": gettext_lazy("Accession"),
}


@dataclass(frozen=True)
class FilterLink:
    """A link that filters the worklist."""

    text: str
    query: str
    is_current: bool
    count: int | None = None


@dataclass(frozen=True)
class SortLink:
    """The heading of a sortable column."""

    text: str
    query: str
    aria_sort: str  # "ascending", "descending", or empty


@dataclass(frozen=True)
class WorklistRow:
    """One case of the worklist."""

    case: Any
    url: str
    accession: str
    priority: case_presenters.PriorityLabel
    due: DueTime | None  # None once the case is final
    status: StatusLabel
    patient: str
    sex_and_age: str
    view: str
    assigned_to: str
    css_class: str


def state_links(counts: Mapping[str, int], query: WorklistQuery) -> list[FilterLink]:
    """Return a link per state with its number of cases, after one for all open cases."""
    states = [("", _("All open")), *WorklistState.choices]
    return [
        FilterLink(str(label), query.but(status=value).query, value == query.status, counts[value])
        for value, label in states
    ]


def filter_links(query: WorklistQuery) -> list[FilterLink]:
    """Return the links of the other filters; the link of an active filter removes it."""
    filters = [
        ("mine", "yes", _("Assigned to me")),
        *(("priority", value, label) for value, label in Priority.choices),
        *(("view", value, label) for value, label in View.choices if value),
    ]
    return [_toggle(query, field, value, str(label)) for field, value, label in filters]


def sort_links(query: WorklistQuery) -> dict[str, SortLink]:
    """Return the headings of the sortable columns: ascending, then descending, then by due time."""
    return {name: _sort_link(query, name, str(text)) for name, text in SORTABLE.items()}


def row(case: Any, now: datetime, *, for_reader: bool) -> WorklistRow:
    """Return one row of the table; `case` comes from `selectors.worklist.with_details`."""
    radiograph = case.radiograph
    assignment = getattr(case, "assignment", None)
    return WorklistRow(
        case=case,
        url=reverse("review:case" if for_reader else "cases:case", args=[case.pk]),
        accession=case.accession_number or _("no number"),
        priority=case_presenters.priority_label(case),
        due=None if case.finalized_at else due_time(case.due_at, now),
        status=state_label(case.state, case.reader),
        patient=case_presenters.masked_reference(case.patient_ref),
        sex_and_age=case_presenters.sex_and_age(radiograph),
        view=case_presenters.view_label(radiograph),
        assigned_to=assignment.to.username if assignment else "",
        css_class="rr-row-stat" if case.priority == Priority.STAT else "",
    )


def progress_text(progress: DayProgress) -> str:
    """Return a reader's progress of the day."""
    to_read = ngettext("%(n)s case to read", "%(n)s cases to read", progress.to_read)
    signed = _("%(n)s signed today") % {"n": progress.signed}
    return f"{to_read % {'n': progress.to_read}}, {signed}"


def adjudication_text(count: int) -> str:
    """Return the label of the button that opens the adjudication queue; empty for an empty queue."""
    return ngettext("Adjudicate %(n)s case", "Adjudicate %(n)s cases", count) % {"n": count} if count else ""


def changed_message(count: int) -> str:
    """Return the message after a bulk action."""
    return ngettext("%(n)s case changed.", "%(n)s cases changed.", count) % {"n": count}


def retry_message(result: BulkRetryResult) -> str:
    """Return the message after cases were queued for classification again."""
    queued = ngettext(
        "%(n)s radiograph queued for classification.",
        "%(n)s radiographs queued for classification.",
        result.queued,
    ) % {"n": result.queued}
    if not result.skipped:
        return queued
    skipped = ngettext(
        "%(n)s skipped: the active version has classified it or is about to.",
        "%(n)s skipped: the active version has classified them or is about to.",
        result.skipped,
    ) % {"n": result.skipped}
    return f"{queued} {skipped}"


def _toggle(query: WorklistQuery, field: str, value: str, text: str) -> FilterLink:
    is_current = getattr(query, field) == value
    return FilterLink(text, query.but(**{field: "" if is_current else value}).query, is_current)


def _sort_link(query: WorklistQuery, name: str, text: str) -> SortLink:
    following = {"": name, name: f"-{name}", f"-{name}": ""}
    aria_sort = {name: "ascending", f"-{name}": "descending"}.get(query.sort, "")
    return SortLink(text, query.but(sort=following.get(query.sort, name)).query, aria_sort)
