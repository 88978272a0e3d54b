"""API of the readings of a case: list, sign, amend, confirm, undo a signature; the report."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import answers
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.permissions import may_see_identifiers
from diagnostics.cases.selectors import visible_to
from diagnostics.cases.serializers.cases import ErrorSerializer
from diagnostics.errors import NotAllowed
from diagnostics.review.presenters.report import report_text
from diagnostics.review.presenters.report_pdf import report_download
from diagnostics.review.selectors import readings as reading_selectors
from diagnostics.review.serializers.readings import (
    AmendmentSerializer,
    NewReadingSerializer,
    ReadingSerializer,
)
from diagnostics.review.serializers.worklist import ClaimSerializer
from diagnostics.review.services import assisted_reading, readings
from diagnostics.review.services import report as report_services
from diagnostics.review.services import second_opinion as opinions
from diagnostics.review.services import undo_signature as undo


class Readings(APIView):
    """The readings of one case."""

    permission_classes = [HasPermission(Permission.READ)]

    @extend_schema(
        operation_id="readings_list",
        summary="List the readings of a case",
        description=(
            "Other readers' readings are returned only after the reader's own, "
            "otherwise 409 `first_reading_required`. Undone signatures are not listed. "
            "Each response is audited as a view of the case."
        ),
        responses={
            200: ReadingSerializer(many=True),
            401: ErrorSerializer,
            403: OpenApiResponse(ErrorSerializer, description="Not a radiologist"),
            404: OpenApiResponse(ErrorSerializer, description="No such case at the reader's sites"),
            409: OpenApiResponse(ErrorSerializer, description="Sign your own reading first"),
        },
    )
    def get(self, request: Request, pk: UUID) -> Response:
        by, case = actor(request), _case(request, pk)
        visible = reading_selectors.readings_visible_to(by, case)
        audit.record(action=Action.CASE_VIEWED, by=by, target=case, now=timezone.now())
        return Response(ReadingSerializer(visible, many=True).data)

    @extend_schema(
        operation_id="readings_sign",
        summary="Sign a reading",
        description="Claims the case unless another reader holds a claim. A signed reading never changes.",
        request=NewReadingSerializer,
        responses={
            201: ReadingSerializer,
            400: OpenApiResponse(ErrorSerializer, description="A field is missing or invalid"),
            401: ErrorSerializer,
            403: OpenApiResponse(ErrorSerializer, description="Not a radiologist"),
            404: OpenApiResponse(ErrorSerializer, description="No such case at the reader's sites"),
            409: OpenApiResponse(ErrorSerializer, description="Claimed by another reader, or signed before"),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        case = _case(request, pk)
        serializer = NewReadingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        reading = readings.sign_reading(
            case=case, by=actor(request), now=timezone.now(), **serializer.validated_data
        )
        return Response(ReadingSerializer(reading).data, status=status.HTTP_201_CREATED)


class Amendment(APIView):
    """The amendment of one's own reading."""

    permission_classes = [HasPermission(Permission.READ)]

    @extend_schema(
        operation_id="readings_amend",
        summary="Amend an own reading",
        description="A new reading supersedes it; both stay on record.",
        request=AmendmentSerializer,
        responses=answers(ReadingSerializer, 400, 404, 409, status=201),
    )
    def post(self, request: Request, pk: UUID, reading: UUID) -> Response:
        amended = get_object_or_404(reading_selectors.readings_of(_case(request, pk)), pk=reading)
        sent = AmendmentSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        stored = readings.amend_reading(
            reading=amended, by=actor(request), now=timezone.now(), **sent.validated_data
        )
        return Response(ReadingSerializer(stored).data, status=201)


class UndoSignature(APIView):
    """The undoing of a signature."""

    permission_classes = [HasPermission(Permission.READ)]

    @extend_schema(
        operation_id="readings_undo_signature",
        summary="Undo the own signature within ten seconds",
        description="Only while neither the AI result nor another reading has been seen. The case is claimed "
        "again.",
        request=None,
        responses=answers(ClaimSerializer, 404, 409),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        held = undo.undo_signature(case=_case(request, pk), by=actor(request), now=timezone.now())
        return Response(ClaimSerializer(held, context={"request": request}).data)


class Confirmation(APIView):
    """The confirmation of one's own reading after seeing the AI result."""

    permission_classes = [HasPermission(Permission.READ)]

    @extend_schema(
        operation_id="readings_confirm",
        summary="Confirm the own reading after seeing the AI result",
        request=None,
        responses=answers(None, 404, 409, status=204),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        assisted_reading.confirm_reading(case=_case(request, pk), by=actor(request), now=timezone.now())
        return Response(status=204)


class SecondOpinion(APIView):
    """One more reading of a final case, without its findings and AI result."""

    permission_classes = [HasPermission(Permission.READ)]

    @extend_schema(
        operation_id="readings_second_opinion",
        summary="Request a second opinion",
        request=None,
        responses=answers(None, 404, 409, status=204),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        opinions.request_second_opinion(case=_case(request, pk), by=actor(request), now=timezone.now())
        return Response(status=204)


class Report(APIView):
    """The report of one case as PDF."""

    permission_classes = [HasPermission(Permission.SEE_CASES)]

    @extend_schema(
        operation_id="reports_read",
        summary="Export the report of a final case as PDF",
        description="It names the patient: the token needs the scope `identifiers`. Each export is audited.",
        responses={
            (200, "application/pdf"): OpenApiTypes.BINARY,
            401: ErrorSerializer,
            403: OpenApiResponse(ErrorSerializer, description="No token with the scope `identifiers`"),
            404: OpenApiResponse(ErrorSerializer, description="No such case at the sites of the user"),
            409: OpenApiResponse(
                ErrorSerializer, description="The case is withdrawn, or its reading is not final"
            ),
        },
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        by, now = actor(request), timezone.now()
        if not may_see_identifiers(by, request.auth):
            raise NotAllowed(_("A report names the patient: use an API token with the scope 'identifiers'."))
        case = _case(request, pk)
        report = report_services.export_report(case=case, by=by, now=now)
        heatmap = report_services.heatmap_image(report, by=by, now=now)
        return report_download(case, report_text(report), heatmap=heatmap)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Accept requests for application/pdf, whose errors are JSON like all others."""
        return super().perform_content_negotiation(request, force=True)


def _case(request: Request, pk: UUID) -> Case:
    return get_object_or_404(visible_to(actor(request)), pk=pk)
