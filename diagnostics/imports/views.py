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

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.selectors import home_site
from diagnostics.errors import DomainError
from diagnostics.imports import errors, selectors
from diagnostics.imports.forms import ScanForm
from diagnostics.imports.models import Import
from diagnostics.imports.presenters import exclusions, progress
from diagnostics.imports.services import import_control, scans

STOP_POLLING: Final = 286  # htmx's own status: show this and ask no more
IMPORTS_PER_PAGE: Final = 20
FILES_PER_PAGE: Final = 50


@require_safe
@require_permission(Permission.IMPORT)
def imports(request: StaffRequest) -> HttpResponse:
    """Show what can be imported, and every import so far."""
    return _overview(request, ScanForm())


@require_POST
@require_permission(Permission.IMPORT)
def look(request: StaffRequest) -> HttpResponse:
    """Look a collection through, and show what is there."""
    form = ScanForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            found = _look(form, request)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("imports:import", pk=found.pk)
    return _overview(request, form, status=400)


@require_safe
@require_permission(Permission.IMPORT)
def one(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show one import."""
    return render(request, "imports/import.html", _page(request, _found(request, pk)))


@require_safe
@require_permission(Permission.IMPORT)
def state(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the part of an import's page that changes while it goes."""
    page = _page(request, _found(request, pk))
    return render(request, "imports/_state.html", page, status=STOP_POLLING if page["progress"].over else 200)


@require_POST
@require_permission(Permission.IMPORT)
def begin(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Bring in the radiographs that wait."""
    try:
        import_control.start_import(importing=_found(request, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("imports:import", pk=pk)


@require_POST
@require_permission(Permission.IMPORT)
def stop(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Ask an import to stop; what has come in stays."""
    try:
        import_control.stop_import(importing=_found(request, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("imports:import", pk=pk)


@require_POST
@require_permission(Permission.IMPORT)
def discard(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Forget a look of which nothing was brought in."""
    try:
        scans.discard_scan(importing=_found(request, pk), by=request.user)
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect("imports:import", pk=pk)
    return redirect("imports:imports")


@require_safe
@require_permission(Permission.IMPORT)
def left_out_table(request: StaffRequest, pk: UUID) -> HttpResponseBase:
    """Download what was left out, as a table."""
    importing = _found(request, pk)
    table = exclusions.lines(importing.left_out, selectors.refused(importing).iterator())
    name = f"import-{importing.number}-left-out.csv"
    return StreamingHttpResponse(
        table,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _look(form: ScanForm, request: StaffRequest) -> Import:
    asked: dict[str, Any] = {
        "wishes": form.wishes(),
        "site": home_site(request.user),
        "by": request.user,
        "now": timezone.now(),
    }
    upload = form.upload_sent()
    if upload is not None:
        return scans.scan_path(collection=upload.chunks(), origin=upload.name or "", **asked)
    return scans.scan_choice(name=form.cleaned_data["choice"], cohen=form.cleaned_data["cohen"], **asked)


def _found(request: StaffRequest, pk: UUID) -> Import:
    return get_object_or_404(selectors.visible_to(request.user), pk=pk)


def _overview(request: StaffRequest, form: ScanForm, *, status: int = 200) -> HttpResponse:
    listed = Paginator(selectors.visible_to(request.user), IMPORTS_PER_PAGE).get_page(request.GET.get("page"))
    rows = [(each, progress.progress_of(each, selectors.endings(each))) for each in listed]
    return render(
        request, "imports/imports.html", {"form": form, "page": listed, "rows": rows}, status=status
    )


def _page(request: StaffRequest, importing: Import) -> dict[str, Any]:
    refused = Paginator(selectors.refused(importing), FILES_PER_PAGE).get_page(request.GET.get("page"))
    return {
        "importing": importing,
        "progress": progress.progress_of(importing, selectors.endings(importing)),
        "findings": selectors.findings(importing),
        "left_out": [left | {"why": errors.exclusion_text(left["reason"])} for left in importing.left_out],
        "page": refused,
        "refused": [(file, errors.file_error_text(file.code)) for file in refused],
        "failure": errors.failure_text(importing.failure_code) if importing.failure_code else "",
        "licence": importing.provenance.get("licence") or _("Not stated."),
    }
