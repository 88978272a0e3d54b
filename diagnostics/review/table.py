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

from diagnostics.accounts.guards import StaffRequest, may
from diagnostics.accounts.models import User
from diagnostics.accounts.roles import May
from diagnostics.accounts.selectors import home_site
from diagnostics.base import DomainError
from diagnostics.cases import again, urgency
from diagnostics.cases.again import Asked
from diagnostics.cases.models import Case, Priority
from diagnostics.cases.selectors import visible_to
from diagnostics.review import distributing, exporting, kept, second_thoughts, selectors
from diagnostics.review.forms import BulkForm, ChosenForm, ViewForm
from diagnostics.review.models import SavedView
from diagnostics.review.settling import policy_of
from diagnostics.review.worklist import State, Wanted, chips, columns, narrowing

ROWS: Final = 50


@require_GET
@may(May.DISTRIBUTE)
@never_cache
def worklist(request: StaffRequest) -> HttpResponse:
    """Show what is waiting, what is due first on top; the address is the view."""
    now, wanted, user = timezone.now(), Wanted.of(request.GET), request.user
    counts = selectors.counts(user, now)
    pages = Paginator(selectors.worklist(user, wanted, now=now), ROWS)
    if not wanted.narrows:
        pages.count = counts[wanted.status]  # counted above, and slow to count twice
    page = pages.get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "page": page,
        "rows": selectors.dressed(page.object_list, now),
        "wanted": wanted,
        "now": now,
        "chips": chips(counts, wanted),
        "narrowing": narrowing(wanted),
        "columns": columns(wanted),
        "views": SavedView.objects.filter(owner=user),
        "priorities": Priority.choices,
        "readers": selectors.readers_of(user.sites.values_list("pk", flat=True)),
        "may_free": user.may(May.OVERSEE),
    }
    if user.may(May.READ):
        context |= _for_reader(request, counts, now)
    return render(request, "review/worklist.html", context)


@require_POST
@may(May.DISTRIBUTE)
def bulk(request: StaffRequest) -> HttpResponse:
    """Give the chosen films another priority, hand them to a reader, free them, or ask the machine again."""
    form = BulkForm(
        request.POST, readers=selectors.readers_of(request.user.sites.values_list("pk", flat=True))
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
@may(May.DISTRIBUTE)
@never_cache
def export(request: StaffRequest) -> HttpResponse:
    """Send the chosen films as a table, without any patient's reference."""
    form, now = ChosenForm(request.POST), timezone.now()
    if not form.is_valid():
        return _refused(request, form)
    chosen = visible_to(request.user).filter(pk__in=form.cleaned_data["case"])
    lines = exporting.export(cases=chosen, by=request.user, now=now)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="films-{timezone.localdate(now)}.csv"'
    csv.writer(response).writerows([exporting.COLUMNS, *lines])
    return response


@require_POST
@may(May.DISTRIBUTE)
def keep_view(request: StaffRequest) -> HttpResponse:
    """Keep the view that the reader looks at under a name."""
    form = ViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Please give the view a name of at most 40 characters."))
        return _back(request)
    try:
        distributing.save_view(name=form.cleaned_data["name"], wanted=_here(request), by=request.user)
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return _back(request)


@require_GET
@may(May.DISTRIBUTE)
@never_cache
def view_counts(request: StaffRequest) -> JsonResponse:
    """Count the films of one's kept views; apart from the page, which does not wait for it."""
    return JsonResponse(kept.films_of_views(request.user, timezone.now()))


@require_POST
@may(May.DISTRIBUTE)
def drop_view(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Take a kept view away."""
    get_object_or_404(SavedView, pk=pk, owner=request.user).delete()
    return redirect("review:worklist")


def _changed(chosen: QuerySet[Case], wish: dict[str, Any], *, by: User, now: datetime) -> tuple[int, str]:
    """Do what is wished with the chosen films; says with how many, and the sentence for it."""
    if wish["act"] == "again":
        asked = again.ask_again(cases=chosen, by=by, now=now)
        return asked.queued, _asked(asked)
    if wish["act"] == "free":
        n = distributing.free(cases=chosen, by=by, now=now)
    elif wish["act"] == "assign":
        n = distributing.assign(cases=chosen, to=wish["to"], by=by, now=now)
    else:
        n = urgency.set_priority(cases=chosen, priority=Priority(wish["act"]), by=by, now=now)
    return n, ngettext("%(n)s case changed.", "%(n)s cases changed.", n) % {"n": n}


def _asked(asked: Asked) -> str:
    words = ngettext(
        "The machine is asked again about %(n)s film.",
        "The machine is asked again about %(n)s films.",
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


def _refused(request: StaffRequest, form: ChosenForm) -> HttpResponse:
    messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return _back(request)


def _for_reader(request: StaffRequest, counts: dict[str, int], now: datetime) -> dict[str, Any]:
    today = selectors.today(request.user, now, still_read=counts[""])
    undecided = selectors.undecided(request.user, now).count() if counts[State.DISAGREE] else 0
    return {
        "today": today,
        "just_signed": second_thoughts.just_signed(request.user, now),
        "worklist_count": today.waiting,
        "undecided": undecided,
        "learns": policy_of(home_site(request.user)).has_learning_queue,
        "reads": True,
    }


def _here(request: StaffRequest) -> Wanted:
    return Wanted.of(QueryDict(request.POST.get("here", "")))


def _back(request: StaffRequest) -> HttpResponse:
    query = _here(request).query
    return redirect(f"{reverse('review:worklist')}{'?' if query else ''}{query}")
