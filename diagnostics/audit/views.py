"""The page of the audit log, and its exports."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from diagnostics.audit import presenters
from diagnostics.audit.forms import EventFilter
from diagnostics.audit.models import AuditEvent
from diagnostics.audit.selectors import events as selectors
from diagnostics.audit.services import export as export_services
from diagnostics.keyset import OrderedRows, Page, counted, in_order

EVENTS_PER_PAGE = 100
View = Callable[[HttpRequest], HttpResponseBase]


def _for_auditors(view: View) -> View:
    """Restrict a view to users who may view the audit log."""

    # require_permission belongs to accounts, an app above this one.
    @login_required
    @wraps(view)
    def protected(request: HttpRequest) -> HttpResponseBase:
        if not request.user.has_permission("audit"):  # type: ignore[union-attr]
            raise PermissionDenied
        return view(request)

    return protected


@_for_auditors
@never_cache
def events(request: HttpRequest) -> HttpResponse:
    """List the events of the user's sites that match the filters, newest first."""
    form = EventFilter(request.GET)
    matching = selectors.matching(request.user, form.query) if form.is_valid() else AuditEvent.objects.none()
    page = _page(OrderedRows(matching, ("-pk",)), request.GET)
    shown = in_order(matching.filter(pk__in=page.keys), page.keys)
    rows = [presenters.event_row(event) for event in shown]
    count = presenters.count_text(counted(matching))
    return render(request, "audit/events.html", {"form": form, "page": page, "rows": rows, "count": count})


def _page(events: OrderedRows, params: QueryDict) -> Page:
    """Return the page that the address names; the first one where its event is unknown."""
    page = events.page(
        EVENTS_PER_PAGE,
        after=params.get("after"),
        before=params.get("before"),
        is_last=params.get("page") == "last",
    )
    return page if page and page.keys else events.page(EVENTS_PER_PAGE) or Page([])


@_for_auditors
@never_cache
@require_safe
def export_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the matching events as a CSV table, oldest first."""
    return _export(request, presenters.csv_lines, "csv", "text/csv; charset=utf-8")


@_for_auditors
@never_cache
@require_safe
def export_json_lines(request: HttpRequest) -> HttpResponseBase:
    """Download the matching events as JSON Lines, with what the hash chain covers, oldest first."""
    return _export(request, presenters.json_lines, "jsonl", "application/x-ndjson")


def _export(
    request: HttpRequest, lines: presenters.Lines, extension: str, content_type: str
) -> HttpResponseBase:
    form, now = EventFilter(request.GET), timezone.now()
    if not form.is_valid():
        return render(request, "audit/events.html", {"form": form, "page": Page([])}, status=400)
    exported = export_services.export(query=form.query, by=request.user, now=now)
    name = f"audit-{timezone.localdate(now)}.{extension}"
    return StreamingHttpResponse(
        lines(exported.iterator(chunk_size=1000)),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
