"""API of monitoring: figures, alerts, and their acknowledgement."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import HasPermission
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import ErrorSerializer
from diagnostics.monitoring.selectors.alerts import alerts_visible_to
from diagnostics.monitoring.selectors.overview import overview
from diagnostics.monitoring.serializers.monitoring import (
    AlertSerializer,
    MonitoringQuerySerializer,
    MonitoringSerializer,
)
from diagnostics.monitoring.services import alerts


class Monitoring(APIView):
    """The figures of monitoring."""

    permission_classes = [HasPermission(Permission.MONITOR)]

    @extend_schema(
        operation_id="monitoring_read",
        summary="Read volume, failures, drift, agreement and performance",
        description="Of the sites of the user, from aggregates; no figure names a case.",
        parameters=[MonitoringQuerySerializer],
        responses={
            200: MonitoringSerializer,
            400: ErrorSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
        },
    )
    def get(self, request: Request) -> Response:
        query = MonitoringQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = overview(cast(User, request.user), days=query.validated_data["days"], now=timezone.now())
        return Response(MonitoringSerializer(found).data)


class Alerts(GenericAPIView[Any]):
    """The alerts of the user's sites, newest first."""

    permission_classes = [HasPermission(Permission.MONITOR)]
    serializer_class = AlertSerializer
    filter_backends: tuple[Any, ...] = ()

    @extend_schema(
        operation_id="monitoring_alerts_list",
        summary="List alerts",
        responses={200: AlertSerializer(many=True), 401: ErrorSerializer, 403: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(alerts_visible_to(cast(User, request.user))) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class AcknowledgeAlert(APIView):
    """The acknowledgement of an alert."""

    permission_classes = [HasPermission(Permission.MONITOR)]

    @extend_schema(
        operation_id="monitoring_alerts_acknowledge",
        summary="Acknowledge an alert",
        request=None,
        responses={
            200: AlertSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: OpenApiResponse(ErrorSerializer, description="No such alert at the sites of the user"),
            409: OpenApiResponse(ErrorSerializer, description="`already_acknowledged`"),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        user = cast(User, request.user)
        alert = get_object_or_404(alerts_visible_to(user), pk=pk)
        return Response(AlertSerializer(alerts.acknowledge(alert=alert, by=user, now=timezone.now())).data)
