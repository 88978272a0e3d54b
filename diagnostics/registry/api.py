"""API of model versions: list, one version, promotion, roll-back."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import ErrorSerializer, answers
from diagnostics.registry import policy, selectors, services, trust_report
from diagnostics.registry.models import ModelVersion
from diagnostics.registry.serializers import (
    PromoteSerializer,
    ReasonSerializer,
    TrustReportSerializer,
    VersionSerializer,
)

REFUSALS = {
    400: OpenApiResponse(ErrorSerializer, description="A field is missing or invalid"),
    401: ErrorSerializer,
    403: OpenApiResponse(ErrorSerializer, description="Not permitted, or `second_person_required`"),
}


class VersionList(GenericAPIView[ModelVersion]):
    """All model versions, newest first."""

    queryset = ModelVersion.objects.none()  # for the schema
    serializer_class = VersionSerializer
    permission_classes = [HasPermission(Permission.SEE_MODELS)]

    @extend_schema(
        operation_id="versions_list",
        summary="List model versions",
        responses={200: VersionSerializer(many=True), 401: ErrorSerializer, 403: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(selectors.versions()) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class VersionDetail(APIView):
    """One model version."""

    permission_classes = [HasPermission(Permission.SEE_MODELS)]

    @extend_schema(
        operation_id="versions_read",
        summary="Read a model version",
        responses={
            200: VersionSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: OpenApiResponse(ErrorSerializer, description="No such version"),
        },
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(VersionSerializer(_version(pk)).data)


class VersionTrustReport(APIView):
    """The trust report of a version."""

    permission_classes = [HasPermission(Permission.SEE_MODELS)]

    @extend_schema(
        operation_id="versions_trust_report",
        summary="Read the trust report of a model version",
        responses=answers(TrustReportSerializer, 404),
    )
    def get(self, request: Request, pk: UUID) -> Response:
        report = trust_report.read_report(selectors.bundle_path(_version(pk)))
        if report is None:
            raise Http404
        return Response(TrustReportSerializer(report).data)


class VersionPromote(APIView):
    """The promotion of a version."""

    permission_classes = [HasPermission(Permission.PROMOTE)]

    @extend_schema(
        operation_id="versions_promote",
        summary="Promote a model version",
        description="For the active version: change its thresholds. "
        "A version whose gate was not passed needs `override` and every name of "
        "`gate.to_acknowledge` in `acknowledged`. Who requested its training does not promote it.",
        request=PromoteSerializer,
        responses={
            200: VersionSerializer,
            **REFUSALS,
            404: OpenApiResponse(ErrorSerializer, description="No such version"),
            409: OpenApiResponse(
                ErrorSerializer,
                description="`gate_not_passed` without a complete override; `already_active` with these "
                "thresholds, `files_damaged`, `just_changed`",
            ),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        version = _version(pk)
        serializer = PromoteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        point = policy.parse_request(fields.pop("operating_point"), version.manifest)
        services.promote(
            version=version, by=actor(request), now=timezone.now(), operating_point=point, **fields
        )
        return Response(VersionSerializer(_version(pk)).data)


class VersionRollBack(APIView):
    """The return to the version that was active before."""

    permission_classes = [HasPermission(Permission.PROMOTE)]

    @extend_schema(
        operation_id="versions_rollback",
        summary="Roll back to the version that was active before",
        description="With the thresholds that it had then.",
        request=ReasonSerializer,
        responses={
            200: VersionSerializer,
            **REFUSALS,
            409: OpenApiResponse(ErrorSerializer, description="No other version was active before"),
        },
    )
    def post(self, request: Request) -> Response:
        serializer = ReasonSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        promotion = services.roll_back(by=actor(request), now=timezone.now(), **serializer.validated_data)
        return Response(VersionSerializer(_version(promotion.version_id)).data)


def _version(pk: UUID) -> ModelVersion:
    return get_object_or_404(selectors.versions(), pk=pk)
