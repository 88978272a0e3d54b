"""Pages about imports: all of them, and one as it goes."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from diagnostics.accounts.guards import StaffRequest, may
from diagnostics.accounts.roles import May
from diagnostics.accounts.selectors import home_site
from diagnostics.base import DomainError
from diagnostics.exchange import failures, left_out, progress, selectors, services
from diagnostics.exchange.forms import LookForm
from diagnostics.exchange.models import Import

STOP_POLLING: Final = 286  # htmx's own status: show this and ask no more
IMPORTS_PER_PAGE: Final = 20
FILES_PER_PAGE: Final = 50


@require_safe
@may(May.IMPORT)
def imports(request: StaffRequest) -> HttpResponse:
    """Show what can be imported, and every import so far."""
    return _overview(request, LookForm())


@require_POST
@may(May.IMPORT)
def look(request: StaffRequest) -> HttpResponse:
    """Look a collection through, and show what is there."""
    form = LookForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            found = _look(form, request)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("exchange:import", pk=found.pk)
    return _overview(request, form, status=400)


@require_safe
@may(May.IMPORT)
def one(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show one import."""
    return render(request, "exchange/import.html", _page(request, _found(request, pk)))


@require_safe
@may(May.IMPORT)
def state(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the part of an import's page that changes while it goes."""
    page = _page(request, _found(request, pk))
    return render(
        request, "exchange/_state.html", page, status=STOP_POLLING if page["progress"].over else 200
    )


@require_POST
@may(May.IMPORT)
def begin(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Bring in the films that wait."""
    try:
        services.bring_in(importing=_found(request, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("exchange:import", pk=pk)


@require_POST
@may(May.IMPORT)
def stop(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Ask an import to stop; what has come in stays."""
    try:
        services.stop(importing=_found(request, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("exchange:import", pk=pk)


@require_POST
@may(May.IMPORT)
def discard(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Forget a look of which nothing was brought in."""
    try:
        services.discard(importing=_found(request, pk), by=request.user)
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect("exchange:import", pk=pk)
    return redirect("exchange:imports")


@require_safe
@may(May.IMPORT)
def left_out_table(request: StaffRequest, pk: UUID) -> HttpResponseBase:
    """Download what was left out, as a table."""
    importing = _found(request, pk)
    table = left_out.lines(importing.left_out, selectors.refused(importing).iterator())
    name = f"import-{importing.number}-left-out.csv"
    return StreamingHttpResponse(
        table,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _look(form: LookForm, request: StaffRequest) -> Import:
    asked: dict[str, Any] = {
        "wishes": form.wishes(),
        "site": home_site(request.user),
        "by": request.user,
        "now": timezone.now(),
    }
    upload = form.upload_sent()
    if upload is not None:
        return services.look_at(collection=upload.chunks(), origin=upload.name or "", **asked)
    return services.look_at_choice(
        name=form.cleaned_data["choice"], cohen=form.cleaned_data["cohen"], **asked
    )


def _found(request: StaffRequest, pk: UUID) -> Import:
    return get_object_or_404(selectors.visible_to(request.user), pk=pk)


def _overview(request: StaffRequest, form: LookForm, *, status: int = 200) -> HttpResponse:
    listed = Paginator(selectors.visible_to(request.user), IMPORTS_PER_PAGE).get_page(request.GET.get("page"))
    rows = [(each, progress.of(each, selectors.endings(each))) for each in listed]
    return render(
        request, "exchange/imports.html", {"form": form, "page": listed, "rows": rows}, status=status
    )


def _page(request: StaffRequest, importing: Import) -> dict[str, Any]:
    refused = Paginator(selectors.refused(importing), FILES_PER_PAGE).get_page(request.GET.get("page"))
    return {
        "importing": importing,
        "progress": progress.of(importing, selectors.endings(importing)),
        "findings": selectors.findings(importing),
        "left_out": [left | {"why": failures.of_a_row(left["reason"])} for left in importing.left_out],
        "page": refused,
        "refused": [(file, failures.of_a_film(file.code)) for file in refused],
        "failure": failures.sentence(importing.failure_code) if importing.failure_code else "",
        "licence": importing.provenance.get("licence") or _("Not stated."),
    }
