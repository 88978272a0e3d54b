"""The list of cases as values for its template: tabs, filters, sortable columns and messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from diagnostics.accounts.models import User
from diagnostics.cases.models import Priority, View
from diagnostics.cases.services.bulk_retry import BulkRetryResult
from diagnostics.keyset import AtLeast
from diagnostics.review.models import SavedView
from diagnostics.review.selectors.worklist import allowed_tabs, resolved
from diagnostics.review.worklist_query import STATE_FILTERS, TAB_ORDERS, WorklistQuery

SORTABLE: Final[Mapping[str, Promise]] = {
    "received": gettext_lazy("Received"),
    "study": gettext_lazy("Study"),
    "accession": gettext_lazy("Accession"),
}
ARROWS: Final[Mapping[str, str]] = {"ascending": "up", "descending": "down"}  # icons


@dataclass(frozen=True)
class FilterLink:
    """A link that selects a tab, or sets or clears a filter."""

    text: str
    query: str
    is_current: bool
    count: str = ""


@dataclass(frozen=True)
class ViewLink:
    """A saved view; its number of cases is loaded later."""

    pk: UUID
    name: str
    query: str
    is_current: bool


@dataclass(frozen=True)
class SortLink:
    """The heading of a sortable column."""

    text: str
    query: str
    aria_sort: str  # "ascending", "descending", or empty
    arrow: str  # an icon; empty where the column does not order the table


def tab_links(counts: Mapping[str, int], query: WorklistQuery, user: User) -> list[FilterLink]:
    """Return a link per tab of the user's role with its number of cases."""
    return [
        FilterLink(
            str(tab.label), WorklistQuery(status=tab).query, tab == query.status, count_text(counts[tab])
        )
        for tab in allowed_tabs(user)
    ]


def filter_links(query: WorklistQuery) -> list[FilterLink]:
    """Return the links of the filters; the link of an active filter removes it."""
    links = [
        *(_toggle(query, "priority", value, str(label)) for value, label in Priority.choices),
        *(_toggle(query, "view", value, str(label)) for value, label in View.choices if value),
        *(_toggle(query, "status", state, str(state.label)) for state in STATE_FILTERS),
    ]
    if query.q:
        links.append(FilterLink(_("Accession: %(q)s") % {"q": query.q}, query.but(q="").query, True))
    return links


def view_links(views: Iterable[SavedView], query: WorklistQuery, user: User) -> list[ViewLink]:
    """Return the links of a user's saved views."""
    return [
        ViewLink(
            view.pk, view.name, view.query, resolved(WorklistQuery.of(QueryDict(view.query)), user) == query
        )
        for view in views
    ]


def sort_links(query: WorklistQuery) -> dict[str, SortLink]:
    """Return the headings of the sortable columns: ascending, then descending, then the tab's own order."""
    return {name: _sort_link(query, name, str(text)) for name, text in SORTABLE.items()}


def due_order(query: WorklistQuery) -> str:
    """Return the `aria-sort` of the due times, which order open cases without another order."""
    return "" if query.sort or query.status in TAB_ORDERS else "ascending"


def count_text(count: int) -> str:
    """Return a number of cases; with a plus sign where there are more."""
    return f"{count:d}+" if isinstance(count, AtLeast) else str(count)


def shown_text(shown: int, count: int, *, is_first: bool) -> str:
    """Return how many cases of how many the table shows."""
    if count <= shown:
        return ngettext("%(n)s case", "%(n)s cases", count) % {"n": count}
    if is_first:
        return _("1 to %(last)s of %(n)s cases") % {"last": shown, "n": count_text(count)}
    return _("%(shown)s of %(n)s cases") % {"shown": shown, "n": count_text(count)}


def found_text(shown: int, count: int) -> str:
    """Return how many cases match a search."""
    if isinstance(count, AtLeast):
        return _("More than %(n)s cases match; %(shown)s of them are shown. Type more to find fewer.") % {
            "n": count,
            "shown": shown,
        }
    text = ngettext("%(n)s case matches", "%(n)s cases match", count) % {"n": count}
    if count <= shown:
        return text
    return _("%(text)s; the newest %(shown)s are shown. Type more to find fewer.") % {
        "text": text,
        "shown": shown,
    }


def signed_text(signed: int) -> str:
    """Return a reader's number of signatures since midnight."""
    return _("%(n)s signed today") % {"n": signed}


def adjudication_text(count: int) -> str:
    """Return the label of the button that opens the adjudication queue; empty for an empty queue."""
    text = ngettext("Adjudicate %(n)s case", "Adjudicate %(n)s cases", count)
    return text % {"n": count_text(count)} if count else ""


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
    if name == "received" and not query.sort and query.order[0] == "-opened_at":
        aria_sort = "descending"
    arrow = ARROWS.get(aria_sort, "")
    return SortLink(text, query.but(sort=following.get(query.sort, name)).query, aria_sort, arrow)
