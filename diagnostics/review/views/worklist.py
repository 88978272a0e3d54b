"""The list of cases: one live table for every role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.selectors import home_site
from diagnostics.cases.models import Priority
from diagnostics.cases.services import blinding, case_lists
from diagnostics.keyset import OrderedRows, Page, counted
from diagnostics.review.forms.worklist import SearchForm
from diagnostics.review.models import SavedView
from diagnostics.review.presenters import case_row
from diagnostics.review.presenters import reading as reading_presenter
from diagnostics.review.presenters import worklist as presenter
from diagnostics.review.selectors import adjudication, case_search, list_counts, readers, reading_policy
from diagnostics.review.selectors import worklist as worklist_selectors
from diagnostics.review.selectors.case_facts import case_facts
from diagnostics.review.services import undo_signature
from diagnostics.review.worklist_query import Tab, WorklistQuery

ROWS: Final = 50
LIST_METHODS: Final = ["GET", "HEAD", "POST"]  # a search is posted: its text is patient data


@dataclass(frozen=True)
class Listing:
    """The live part of the page."""

    query: WorklistQuery
    counts: dict[str, int]
    count: int
    page: Page
    rows: list[case_row.CaseRow]
    shown: str  # which cases the table shows, in words
    is_search: bool

    @property
    def etag(self) -> str:
        """Return a hash of everything that the live part shows."""
        state = repr((self.counts, self.query, self.shown, [row.version for row in self.rows]))
        return f'"{sha256(state.encode()).hexdigest()[:32]}"'


@require_permission(Permission.SEE_CASES)
@never_cache
@require_http_methods(LIST_METHODS)
def cases(request: StaffRequest) -> HttpResponse:
    """Show the cases of a tab, or those that a posted search finds; the query string is the view."""
    now = timezone.now()
    listing = _listing(request, now)
    context = _context(request, listing) | _page_context(request.user, listing)
    if request.user.has_permission(Permission.READ):
        context |= _for_reader(request.user, listing.counts, now)
    return render(request, "review/cases.html", context)


@require_permission(Permission.SEE_CASES)
@never_cache
@require_http_methods(LIST_METHODS)
def rows(request: StaffRequest) -> HttpResponse:
    """Return the live part of the page, or 304 where it shows the same as the page has."""
    listing = _listing(request, timezone.now())
    if request.headers.get("If-None-Match") == listing.etag:
        return HttpResponse(status=304, headers={"ETag": listing.etag})
    response = render(request, "review/_case_list.html", _context(request, listing))
    response["ETag"] = listing.etag
    return response


@require_permission(Permission.SEE_CASES)
@require_safe
def old_address(request: StaffRequest) -> HttpResponse:
    """Redirect bookmarks of the former worklist to the list of cases."""
    query = request.GET.urlencode()
    return redirect(f"{reverse('cases:list')}{'?' if query else ''}{query}")


def _listing(request: StaffRequest, now: datetime) -> Listing:
    user, text = request.user, SearchForm(request.POST).text_to_find
    query = worklist_selectors.resolved(WorklistQuery.of(request.GET), user)
    counts = list_counts.counts(user, now)
    if text:
        found = case_search.search(user, text)
        page, count = Page(found.keys[:ROWS]), found.count
        shown = presenter.found_text(len(page.keys), count)
    else:
        page = _page(worklist_selectors.worklist(user, query, now=now), request.GET)
        count = list_counts.count_of(user, query, counts, now)
        shown = presenter.shown_text(len(page.keys), count, is_first=page.previous is None)
    _record_search(request, {"text": text} if text else vars(query), count, now)
    rows = _rows(user, worklist_selectors.details_of(page.keys, now), now)
    return Listing(query, counts, count, page, rows, shown, bool(text))


def _page(cases: OrderedRows, params: QueryDict) -> Page:
    """Return the page that the address names; the first one where its case is unknown or nothing follows."""
    page = cases.page(
        ROWS, after=params.get("after"), before=params.get("before"), is_last=params.get("page") == "last"
    )
    return page if page and page.keys else cases.page(ROWS) or Page([])


def _rows(user: User, detailed: list[Any], now: datetime) -> list[case_row.CaseRow]:
    facts, withheld = case_facts(detailed), blinding.withheld_cases(user, detailed)
    viewer = case_row.Viewer(
        is_reader=user.is_reader,
        shown_results=blinding.listed_predictions(user, detailed, withheld=withheld),
        withheld=withheld,
    )
    return [case_row.row(case, facts, viewer, now) for case in detailed]


def _record_search(request: StaffRequest, filters: dict[str, str], found: int, now: datetime) -> None:
    """Record a search once: the page marks the requests by which it updates itself."""
    if (filters.get("text") or filters.get("q")) and "HX-Request" not in request.headers:
        case_lists.record_search(found=found, filters=filters, by=request.user, now=now)


def _context(request: StaffRequest, listing: Listing) -> dict[str, Any]:
    user, query = request.user, listing.query
    may_assign = user.has_permission(Permission.ASSIGN)
    sites = user.sites.values_list("pk", flat=True)
    return {
        "listing": listing,
        "page": listing.page,
        "query": query,
        "tab_links": presenter.tab_links(listing.counts, query, user),
        "sort_links": presenter.sort_links(query),
        "due_order": presenter.due_order(query),
        "priorities": Priority.choices if may_assign else [],
        "readers": readers.readers_of(sites) if may_assign else [],
        "is_to_read": query.status == Tab.TO_READ,
        "may_assign": may_assign,
        "may_withdraw": user.has_permission(Permission.CORRECT),
        "may_end_claims": user.has_permission(Permission.MANAGE_READERS),
        "worklist_count": presenter.count_text(listing.counts[Tab.TO_READ]),
    }


def _page_context(user: User, listing: Listing) -> dict[str, Any]:
    views = SavedView.objects.filter(owner=user)
    return {
        "filter_links": presenter.filter_links(listing.query),
        "views": presenter.view_links(views, listing.query, user),
        "min_length": case_search.MIN_LENGTH,
    }


def _for_reader(user: User, counts: dict[str, int], now: datetime) -> dict[str, Any]:
    # Counting is slow, and almost always nothing needs adjudication.
    some = counts[Tab.NEEDS_ADJUDICATION] > 0
    undoable = undo_signature.undoable_reading(user, now)
    adjudicable = counted(adjudication.adjudication_cases(user, now).rows) if some else 0
    return {
        "signed_text": presenter.signed_text(list_counts.signed_today(user, now)),
        "undoable": undoable,
        "undo_text": reading_presenter.undo_text(undoable) if undoable else "",
        "adjudication_text": presenter.adjudication_text(adjudicable),
        "has_active_learning_queue": reading_policy.policy_of(home_site(user)).has_active_learning_queue,
        "is_reader": True,
    }
