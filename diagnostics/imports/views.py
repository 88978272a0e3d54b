"""Pages of imports: the list with the scan form, and one import with its progress."""

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
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import DomainError
from diagnostics.imports import errors, selectors
from diagnostics.imports.forms import ScanForm
from diagnostics.imports.models import Import
from diagnostics.imports.presenters import exclusions, progress
from diagnostics.imports.services import import_control, scans

STOP_POLLING: Final = 286  # htmx stops polling after a response with this status
IMPORTS_PER_PAGE: Final = 20
FILES_PER_PAGE: Final = 50


@require_permission(Permission.IMPORT)
@require_safe
def import_list(request: StaffRequest) -> HttpResponse:
    """Show the scan form and all imports."""
    return _list_page(request, ScanForm())


@require_permission(Permission.IMPORT)
@require_POST
def scan(request: StaffRequest) -> HttpResponse:
    """Scan a collection and show the result."""
    form = ScanForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            import_job = _scan(form, request)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect("imports:import", pk=import_job.pk)
    return _list_page(request, form, status=400)


@require_permission(Permission.IMPORT)
@require_safe
def import_detail(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show one import."""
    return render(request, "imports/import.html", _context(request, _get_import(request, pk)))


@require_permission(Permission.IMPORT)
@require_safe
def import_state(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the part of an import's page that changes while it runs."""
    context = _context(request, _get_import(request, pk))
    status = STOP_POLLING if context["progress"].finished else 200
    return render(request, "imports/_state.html", context, status=status)


@require_permission(Permission.IMPORT)
@require_POST
def start(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Start or resume an import."""
    try:
        import_control.start_import(import_job=_get_import(request, pk), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("imports:import", pk=pk)


@require_permission(Permission.IMPORT)
@require_POST
def stop(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Request a stop of an import; imported cases stay."""
    try:
        import_control.stop_import(import_job=_get_import(request, pk), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("imports:import", pk=pk)


@require_permission(Permission.IMPORT)
@require_POST
def discard(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Discard a scan whose import was not started."""
    try:
        scans.discard_scan(import_job=_get_import(request, pk), by=request.user)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("imports:import", pk=pk)
    return redirect("imports:imports")


@require_permission(Permission.IMPORT)
@require_safe
def exclusions_csv(request: StaffRequest, pk: UUID) -> HttpResponseBase:
    """Download the excluded and unusable files as a CSV table."""
    import_job = _get_import(request, pk)
    audit.record(action=Action.EXCLUSIONS_EXPORTED, by=request.user, target=import_job, now=timezone.now())
    unusable = selectors.unusable_files(import_job).iterator()
    return StreamingHttpResponse(
        exclusions.csv_lines(import_job.exclusions, unusable),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="import-{import_job.number}-exclusions.csv"'},
    )


def _scan(form: ScanForm, request: StaffRequest) -> Import:
    arguments: dict[str, Any] = {
        "options": form.import_options(),
        "site": home_site(request.user),
        "by": request.user,
        "now": timezone.now(),
    }
    upload = form.uploaded_zip()
    if upload is not None:
        return scans.scan_path(collection=upload.chunks(), origin=upload.name or "", **arguments)
    return scans.scan_choice(name=form.cleaned_data["choice"], cohen=form.cleaned_data["cohen"], **arguments)


def _get_import(request: StaffRequest, pk: UUID) -> Import:
    return get_object_or_404(selectors.visible_to(request.user), pk=pk)


def _list_page(request: StaffRequest, form: ScanForm, *, status: int = 200) -> HttpResponse:
    page = Paginator(selectors.visible_to(request.user), IMPORTS_PER_PAGE).get_page(request.GET.get("page"))
    rows = [
        (import_job, progress.progress_of(import_job, selectors.file_counts(import_job)))
        for import_job in page
    ]
    context = {"form": form, "page": page, "rows": rows}
    return render(request, "imports/imports.html", context, status=status)


def _context(request: StaffRequest, import_job: Import) -> dict[str, Any]:
    page = Paginator(selectors.unusable_files(import_job), FILES_PER_PAGE).get_page(request.GET.get("page"))
    return {
        "import_job": import_job,
        "progress": progress.progress_of(import_job, selectors.file_counts(import_job)),
        "findings": selectors.finding_counts(import_job),
        "exclusions": exclusions.exclusion_rows(import_job.exclusions),
        "page": page,
        "unusable": exclusions.unusable_rows(page),
        "failure": errors.failure_text(import_job.failure_code) if import_job.failure_code else "",
        "licence": import_job.provenance.get("licence") or _("Not stated."),
    }
