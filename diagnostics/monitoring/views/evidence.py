"""Downloads of evidence packs: of a version as ZIP, of a case as JSON and PDF."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.monitoring.presenters.evidence_downloads import case_json, case_pdf, version_zip
from diagnostics.monitoring.services import case_evidence, version_evidence
from diagnostics.registry import selectors as registry


@require_permission(Permission.AUDIT)
@never_cache
@require_GET
def version(request: StaffRequest, pk: UUID) -> HttpResponseBase:
    """Return the evidence pack of a version; each export is audited."""
    found = get_object_or_404(registry.versions(), pk=pk)
    return version_zip(version_evidence.export(version=found, by=request.user, now=timezone.now()))


@require_permission(Permission.AUDIT)
@never_cache
@require_GET
def case_as_json(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Return the evidence of a case as JSON; each export is audited."""
    case = _case(request, pk)
    return case_json(case_evidence.export(case=case, by=request.user, form="json", now=timezone.now()))


@require_permission(Permission.AUDIT)
@never_cache
@require_GET
def case_as_pdf(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Return the evidence of a case as PDF; each export is audited."""
    case = _case(request, pk)
    return case_pdf(case_evidence.export(case=case, by=request.user, form="pdf", now=timezone.now()))


def _case(request: StaffRequest, pk: UUID) -> Case:
    return get_object_or_404(visible_to(request.user).select_related("radiograph", "site"), pk=pk)
