"""API of evidence packs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import ErrorSerializer
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.monitoring.presenters.evidence_downloads import case_json, case_pdf, version_zip
from diagnostics.monitoring.services import case_evidence, version_evidence
from diagnostics.registry import selectors as registry

OF_A_CASE = {
    401: ErrorSerializer,
    403: OpenApiResponse(ErrorSerializer, description="Not permitted, or `result_withheld`"),
    404: OpenApiResponse(ErrorSerializer, description="No such case at the sites of the user"),
}


class _Download(APIView):
    """A file; its errors are JSON like all others, whatever the request accepts."""

    permission_classes = [HasPermission(Permission.AUDIT)]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Accept requests for any type."""
        return super().perform_content_negotiation(request, force=True)


class VersionEvidence(_Download):
    """The evidence pack of a version."""

    @extend_schema(
        operation_id="versions_evidence",
        summary="Export the evidence pack of a version as ZIP",
        description="Configuration, metrics, predictions on the test set, trust report, comparison, model "
        "card, approval and snapshot; `manifest.json` lists the SHA-256 of each file. The same facts give "
        "the same bytes. Patients appear by keyed pseudonyms. Each export is audited.",
        responses={
            (200, "application/zip"): OpenApiTypes.BINARY,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: OpenApiResponse(ErrorSerializer, description="No such version"),
        },
    )
    def get(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        version = get_object_or_404(registry.versions(), pk=pk)
        return version_zip(version_evidence.export(version=version, by=actor(request), now=timezone.now()))


class CaseEvidence(_Download):
    """The evidence of a case."""

    @extend_schema(
        operation_id="cases_evidence",
        summary="Export the evidence of a case as JSON",
        description="Image hashes, AI results with versions, thresholds and heatmap hashes, readings, times "
        "and the audit events that changed the case. The patient appears by a keyed pseudonym.",
        responses={200: OpenApiTypes.OBJECT, **OF_A_CASE},
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        case, by = _case(request, pk), actor(request)
        return case_json(case_evidence.export(case=case, by=by, form="json", now=timezone.now()))


class CaseEvidencePdf(_Download):
    """The evidence of a case as PDF."""

    @extend_schema(
        operation_id="cases_evidence_pdf",
        summary="Export the evidence of a case as PDF",
        description="With radiograph and heatmap, and the SHA-256 of the same evidence as JSON.",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **OF_A_CASE},
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        case, by = _case(request, pk), actor(request)
        return case_pdf(case_evidence.export(case=case, by=by, form="pdf", now=timezone.now()))


def _case(request: Request, pk: UUID) -> Case:
    return get_object_or_404(visible_to(actor(request)).select_related("radiograph", "site"), pk=pk)
