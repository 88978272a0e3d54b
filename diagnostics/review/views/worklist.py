"""The worklist page."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.selectors import home_site
from diagnostics.cases.models import Priority
from diagnostics.cases.services import case_lists
from diagnostics.review.models import SavedView
from diagnostics.review.presenters import reading as reading_presenter
from diagnostics.review.presenters import worklist as presenter
from diagnostics.review.selectors import adjudication, readers, reading_policy
from diagnostics.review.selectors import worklist as worklist_selectors
from diagnostics.review.services import undo_signature
from diagnostics.review.worklist_query import WorklistQuery, WorklistState

ROWS: Final = 50


@require_permission(Permission.ASSIGN)
@never_cache
@require_GET
def worklist(request: StaffRequest) -> HttpResponse:
    """Show the cases of a view, by due time, STAT first; the query string is the view."""
    now, query, user = timezone.now(), WorklistQuery.of(request.GET), request.user
    counts = worklist_selectors.counts(user, now)
    pages = Paginator(worklist_selectors.worklist(user, query, now=now), ROWS)
    if not query.has_filters:
        pages.count = counts[query.status]  # counted above, and slow to count twice
    page = pages.get_page(request.GET.get("page"))
    if query.q and "HX-Request" not in request.headers:  # the page refreshes its own table
        case_lists.record_search(found=pages.count, filters=vars(query), by=user, now=now)
    cases = worklist_selectors.with_details(page.object_list, now)
    is_reader = user.has_permission(Permission.READ)
    context: dict[str, Any] = {
        "page": page,
        "rows": [presenter.row(case, now, for_reader=is_reader) for case in cases],
        "query": query,
        "shows_final": query.status == WorklistState.FINAL,
        "state_links": presenter.state_links(counts, query),
        "filter_links": presenter.filter_links(query),
        "sort_links": presenter.sort_links(query),
        "views": SavedView.objects.filter(owner=user),
        "priorities": Priority.choices,
        "readers": readers.readers_of(user.sites.values_list("pk", flat=True)),
        "may_end_claims": user.has_permission(Permission.MANAGE_READERS),
    }
    if is_reader:
        context |= _for_reader(request, counts, now)
    return render(request, "review/worklist.html", context)


def _for_reader(request: StaffRequest, counts: dict[str, int], now: datetime) -> dict[str, Any]:
    user = request.user
    progress = worklist_selectors.day_progress(user, now, open_count=counts[""])
    # Counting is slow, and almost always nothing needs adjudication.
    some = counts[WorklistState.NEEDS_ADJUDICATION] > 0
    undoable = undo_signature.undoable_reading(user, now)
    adjudicable = adjudication.adjudication_cases(user, now).count() if some else 0
    return {
        "progress_text": presenter.progress_text(progress),
        "undoable": undoable,
        "undo_text": reading_presenter.undo_text(undoable) if undoable else "",
        "worklist_count": progress.to_read,
        "adjudication_text": presenter.adjudication_text(adjudicable),
        "has_active_learning_queue": reading_policy.policy_of(home_site(user)).has_active_learning_queue,
        "is_reader": True,
    }
