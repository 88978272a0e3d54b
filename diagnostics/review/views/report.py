"""The report of a case as a page for print and as PDF."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.cases.models import Case
from diagnostics.cases.presenters.case import short_number
from diagnostics.cases.selectors import visible_to
from diagnostics.review.errors import NoReport
from diagnostics.review.presenters.report import report_text
from diagnostics.review.presenters.report_pdf import report_download
from diagnostics.review.services import report as services


@require_permission(Permission.SEE_CASES)
@never_cache
@require_safe
def page(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the report of a case; it names the patient, so each view is audited."""
    case = _case(request, pk)
    try:
        report = services.view_report(case=case, by=request.user, now=timezone.now())
    except NoReport as error:
        return _no_report(request, case, error)
    return render(request, "review/report.html", {"case": case, "report": report_text(report)})


@require_permission(Permission.SEE_CASES)
@never_cache
@require_safe
def pdf(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Return the report of a case as PDF; each export is audited."""
    case, now = _case(request, pk), timezone.now()
    try:
        report = services.export_report(case=case, by=request.user, now=now)
    except NoReport as error:
        return _no_report(request, case, error)
    heatmap = services.heatmap_image(report, by=request.user, now=now)
    return report_download(case, report_text(report), heatmap=heatmap)


def _case(request: StaffRequest, pk: UUID) -> Case:
    return get_object_or_404(visible_to(request.user).select_related("radiograph", "site"), pk=pk)


def _no_report(request: StaffRequest, case: Case, error: NoReport) -> HttpResponse:
    context = {"case": case, "number": short_number(case), "reason": str(error)}
    return render(request, "review/no_report.html", context, status=error.status)
