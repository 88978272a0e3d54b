"""API of shadow runs: start, read, end, and selecting cases for the active-learning queue."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import ErrorSerializer
from diagnostics.monitoring.selectors import shadow as selectors
from diagnostics.monitoring.selectors.shadow_comparison import comparison_of
from diagnostics.monitoring.serializers.shadow import SelectedCasesSerializer, ShadowRunSerializer
from diagnostics.monitoring.services import shadow
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services.selection import select_cases

NO_VERSION = OpenApiResponse(ErrorSerializer, description="No such version")


class Shadow(APIView):
    """The newest shadow run of a version."""

    permission_classes = [HasPermission(Permission.PROMOTE)]

    @extend_schema(
        operation_id="versions_shadow_read",
        summary="Read the newest shadow run of a version",
        description="With the comparison of its scores with those of the active version, on the cases whose "
        "AI result the user may see.",
        responses={
            200: ShadowRunSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: OpenApiResponse(ErrorSerializer, description="No such version, or it never ran in shadow"),
        },
    )
    def get(self, request: Request, pk: UUID) -> Response:
        run = selectors.latest_run(_version(pk))
        if run is None:
            raise Http404
        context = {"comparison": comparison_of(run, user=actor(request))}
        return Response(ShadowRunSerializer(run, context=context).data)

    @extend_schema(
        operation_id="versions_shadow_start",
        summary="Start a shadow run",
        description="The version scores each new case after the active version. Readers see nothing of it. "
        "A promotion or roll-back ends the run.",
        request=None,
        responses={
            201: ShadowRunSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: NO_VERSION,
            409: OpenApiResponse(
                ErrorSerializer,
                description="`shadow_running`, `version_is_active`, `no_active_version`, `files_damaged`",
            ),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        run = shadow.start(version=_version(pk), by=actor(request), now=timezone.now())
        return Response(ShadowRunSerializer(run).data, status=status.HTTP_201_CREATED)


class ShadowEnd(APIView):
    """The end of a shadow run."""

    permission_classes = [HasPermission(Permission.PROMOTE)]

    @extend_schema(
        operation_id="versions_shadow_end",
        summary="End the shadow run of a version",
        request=None,
        responses={
            200: ShadowRunSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: NO_VERSION,
            409: OpenApiResponse(ErrorSerializer, description="`no_shadow_running`"),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        run = shadow.end(version=_version(pk), by=actor(request), now=timezone.now())
        return Response(ShadowRunSerializer(run).data)


class SelectedCases(APIView):
    """Cases selected for the active-learning queue."""

    permission_classes = [HasPermission(Permission.MANAGE_READERS)]

    @extend_schema(
        operation_id="active_learning_select",
        summary="Select cases for the active-learning queue",
        description="They are served before drawn ones. Cases that are final, withdrawn, of another site or "
        "selected already are left out; the response lists the others.",
        request=SelectedCasesSerializer,
        responses={
            200: SelectedCasesSerializer,
            400: ErrorSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
        },
    )
    def post(self, request: Request) -> Response:
        sent = SelectedCasesSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        added = select_cases(by=actor(request), now=timezone.now(), **sent.validated_data)
        return Response({"cases": added})


def _version(pk: UUID) -> ModelVersion:
    return get_object_or_404(registry.versions(), pk=pk)
