"""The worklist as a page: its table, the work handed out from it, and views that people keep."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.selectors import home_site
from diagnostics.cases.models import Case, Priority
from diagnostics.cases.selectors import visible_to
from diagnostics.cases.services import bulk_retry, priority
from diagnostics.cases.services.bulk_retry import BulkRetryResult
from diagnostics.errors import DomainError
from diagnostics.review.forms import BulkActionForm, SelectedCasesForm, ViewForm
from diagnostics.review.models import SavedView
from diagnostics.review.selectors import queues, readers, saved_views
from diagnostics.review.selectors import worklist as worklist_selectors
from diagnostics.review.services import assignments, undo_signature
from diagnostics.review.services import export as export_services
from diagnostics.review.services import saved_views as saved_views_services
from diagnostics.review.services.consensus import policy_of
from diagnostics.review.worklist_query import WorklistQuery, WorklistState, chips, columns, narrowing

ROWS: Final = 50


@require_GET
@require_permission(Permission.DISTRIBUTE)
@never_cache
def worklist(request: StaffRequest) -> HttpResponse:
    """Show what is waiting, what is due first on top; the address is the view."""
    now, wanted, user = timezone.now(), WorklistQuery.of(request.GET), request.user
    counts = worklist_selectors.counts(user, now)
    pages = Paginator(worklist_selectors.worklist(user, wanted, now=now), ROWS)
    if not wanted.narrows:
        pages.count = counts[wanted.status]  # counted above, and slow to count twice
    page = pages.get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "page": page,
        "rows": worklist_selectors.with_details(page.object_list, now),
        "wanted": wanted,
        "now": now,
        "chips": chips(counts, wanted),
        "narrowing": narrowing(wanted),
        "columns": columns(wanted),
        "views": SavedView.objects.filter(owner=user),
        "priorities": Priority.choices,
        "readers": readers.readers_of(user.sites.values_list("pk", flat=True)),
        "may_free": user.has_permission(Permission.OVERSEE),
    }
    if user.has_permission(Permission.READ):
        context |= _for_reader(request, counts, now)
    return render(request, "review/worklist.html", context)


@require_POST
@require_permission(Permission.DISTRIBUTE)
def bulk(request: StaffRequest) -> HttpResponse:
    """Give the chosen radiographs another priority, hand them to a reader, free them, or ask the machine again."""
    form = BulkActionForm(
        request.POST, readers=readers.readers_of(request.user.sites.values_list("pk", flat=True))
    )
    if not form.is_valid():
        return _refused(request, form)
    chosen = visible_to(request.user).filter(pk__in=form.cleaned_data["case"])
    try:
        n, words = _changed(chosen, form.cleaned_data, by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.add_message(request, messages.SUCCESS if n else messages.INFO, words)
    return _back(request)


@require_POST
@require_permission(Permission.DISTRIBUTE)
@never_cache
def export(request: StaffRequest) -> HttpResponse:
    """Send the chosen radiographs as a table, without any patient's reference."""
    form, now = SelectedCasesForm(request.POST), timezone.now()
    if not form.is_valid():
        return _refused(request, form)
    chosen = visible_to(request.user).filter(pk__in=form.cleaned_data["case"])
    lines = export_services.export(cases=chosen, by=request.user, now=now)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="radiographs-{timezone.localdate(now)}.csv"'
    csv.writer(response).writerows([export_services.COLUMNS, *lines])
    return response


@require_POST
@require_permission(Permission.DISTRIBUTE)
def save_view(request: StaffRequest) -> HttpResponse:
    """Keep the view that the reader looks at under a name."""
    form = ViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Please give the view a name of at most 40 characters."))
        return _back(request)
    try:
        saved_views_services.save_view(name=form.cleaned_data["name"], wanted=_here(request), by=request.user)
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return _back(request)


@require_GET
@require_permission(Permission.DISTRIBUTE)
@never_cache
def view_counts(request: StaffRequest) -> JsonResponse:
    """Count the radiographs of one's kept views; apart from the page, which does not wait for it."""
    return JsonResponse(saved_views.saved_view_counts(request.user, timezone.now()))


@require_POST
@require_permission(Permission.DISTRIBUTE)
def delete_view(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Take a kept view away."""
    get_object_or_404(SavedView, pk=pk, owner=request.user).delete()
    return redirect("review:worklist")


def _changed(chosen: QuerySet[Case], wish: dict[str, Any], *, by: User, now: datetime) -> tuple[int, str]:
    """Do what is wished with the chosen radiographs; says with how many, and the sentence for it."""
    if wish["act"] == "again":
        asked = bulk_retry.retry_many(cases=chosen, by=by, now=now)
        return asked.queued, _asked(asked)
    if wish["act"] == "free":
        n = assignments.unassign(cases=chosen, by=by, now=now)
    elif wish["act"] == "assign":
        n = assignments.assign(cases=chosen, to=wish["to"], by=by, now=now)
    else:
        n = priority.set_priority(cases=chosen, priority=Priority(wish["act"]), by=by, now=now)
    return n, ngettext("%(n)s case changed.", "%(n)s cases changed.", n) % {"n": n}


def _asked(asked: BulkRetryResult) -> str:
    words = ngettext(
        "The machine is asked again about %(n)s radiograph.",
        "The machine is asked again about %(n)s radiographs.",
        asked.queued,
    ) % {"n": asked.queued}
    if not asked.left_out:
        return words
    left_out = ngettext(
        "%(n)s was left out: the version in force has answered for it or is at work on it.",
        "%(n)s were left out: the version in force has answered for them or is at work on them.",
        asked.left_out,
    ) % {"n": asked.left_out}
    return f"{words} {left_out}"


def _refused(request: StaffRequest, form: SelectedCasesForm) -> HttpResponse:
    messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return _back(request)


def _for_reader(request: StaffRequest, counts: dict[str, int], now: datetime) -> dict[str, Any]:
    today = worklist_selectors.today(request.user, now, still_read=counts[""])
    undecided = queues.adjudication_cases(request.user, now).count() if counts[WorklistState.DISAGREE] else 0
    return {
        "today": today,
        "just_signed": undo_signature.undoable_reading(request.user, now),
        "worklist_count": today.waiting,
        "undecided": undecided,
        "learns": policy_of(home_site(request.user)).has_learning_queue,
        "reads": True,
    }


def _here(request: StaffRequest) -> WorklistQuery:
    return WorklistQuery.of(QueryDict(request.POST.get("here", "")))


def _back(request: StaffRequest) -> HttpResponse:
    query = _here(request).query
    return redirect(f"{reverse('review:worklist')}{'?' if query else ''}{query}")
