"""The record as a page."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from diagnostics.audit import selectors
from diagnostics.audit.forms import EventFilter

PER_PAGE = 100


@login_required
def events(request: HttpRequest) -> HttpResponse:
    """List what happened, newest first."""
    # The guards stand in accounts, above this room; the person carries the answer along.
    if not request.user.has_permission("audit"):  # type: ignore[union-attr]
        raise PermissionDenied
    form = EventFilter(request.GET)
    found = selectors.events(**form.cleaned_data) if form.is_valid() else selectors.events().none()
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "audit/events.html", {"form": form, "page": page})
