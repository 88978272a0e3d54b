"""The page of the audit log."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from diagnostics.audit import presenters, selectors
from diagnostics.audit.forms import EventFilter

EVENTS_PER_PAGE = 100


@login_required
def events(request: HttpRequest) -> HttpResponse:
    """List the events that match the filters, newest first."""
    # require_permission belongs to accounts, an app above this one.
    if not request.user.has_permission("audit"):  # type: ignore[union-attr]
        raise PermissionDenied
    form = EventFilter(request.GET)
    matching = selectors.events(**form.cleaned_data) if form.is_valid() else selectors.events().none()
    page = Paginator(matching, EVENTS_PER_PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "rows": [presenters.event_row(event) for event in page]}
    return render(request, "audit/events.html", context)
