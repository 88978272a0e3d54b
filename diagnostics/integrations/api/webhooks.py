"""API of webhooks: endpoints, test, secret, deliveries, redelivery."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts import selectors as accounts
from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import ErrorSerializer
from diagnostics.integrations.models import WebhookDelivery, WebhookEndpoint
from diagnostics.integrations.selectors import webhooks as selectors
from diagnostics.integrations.serializers.webhooks import (
    ChangedEndpointSerializer,
    DeliverySerializer,
    EndpointSerializer,
    EndpointWithSecretSerializer,
    NewEndpointSerializer,
)
from diagnostics.integrations.services import webhooks as services

PERMISSIONS = [HasPermission(Permission.MANAGE_INTEGRATIONS)]
REFUSALS: dict[int, Any] = {401: ErrorSerializer, 403: ErrorSerializer}
NOT_FOUND: dict[int, Any] = REFUSALS | {404: OpenApiResponse(ErrorSerializer, description="No such object")}
INVALID: dict[int, Any] = {400: OpenApiResponse(ErrorSerializer, description="A field is invalid")}


class WebhookList(GenericAPIView[WebhookEndpoint]):
    """The endpoints of the user's sites."""

    queryset = WebhookEndpoint.objects.none()  # for the schema
    serializer_class = EndpointSerializer
    permission_classes = PERMISSIONS

    @extend_schema(
        operation_id="webhooks_list",
        summary="List webhook endpoints",
        responses={200: EndpointSerializer(many=True), **REFUSALS},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(selectors.endpoints_visible_to(actor(request))) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="webhooks_create",
        summary="Create a webhook endpoint",
        description="The response holds the secret that signs the requests. It is not shown again.",
        request=NewEndpointSerializer,
        responses={201: EndpointWithSecretSerializer, **INVALID, **NOT_FOUND},
    )
    def post(self, request: Request) -> Response:
        user, given = actor(request), NewEndpointSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        pk = values.pop("site", None)
        site = get_object_or_404(user.sites.all(), pk=pk) if pk else accounts.home_site(user)
        endpoint, secret = services.create_endpoint(**values, site=site, by=user, now=timezone.now())
        return Response(_with_secret(endpoint, secret), status=201)


class WebhookDetail(APIView):
    """One endpoint."""

    permission_classes = PERMISSIONS

    @extend_schema(
        operation_id="webhooks_read",
        summary="Read a webhook endpoint",
        responses={200: EndpointSerializer, **NOT_FOUND},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(EndpointSerializer(_endpoint(request, pk)).data)

    @extend_schema(
        operation_id="webhooks_change",
        summary="Change or deactivate a webhook endpoint",
        request=ChangedEndpointSerializer,
        responses={200: EndpointSerializer, **INVALID, **NOT_FOUND},
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        endpoint, given = _endpoint(request, pk), ChangedEndpointSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        services.change_endpoint(
            endpoint=endpoint, values=dict(given.validated_data), by=actor(request), now=timezone.now()
        )
        return Response(EndpointSerializer(endpoint).data)


class WebhookTest(APIView):
    """The test of an endpoint."""

    permission_classes = PERMISSIONS

    @extend_schema(
        operation_id="webhooks_test",
        summary="Send a test event to a webhook endpoint",
        request=None,
        responses={202: DeliverySerializer, **NOT_FOUND},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        endpoint = _endpoint(request, pk)
        delivery = services.send_test(endpoint=endpoint, by=actor(request), now=timezone.now())
        return Response(DeliverySerializer(delivery).data, status=202)


class WebhookSecret(APIView):
    """The secret of an endpoint."""

    permission_classes = PERMISSIONS

    @extend_schema(
        operation_id="webhooks_renew_secret",
        summary="Replace the secret of a webhook endpoint",
        request=None,
        responses={200: EndpointWithSecretSerializer, **NOT_FOUND},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        endpoint = _endpoint(request, pk)
        secret = services.renew_secret(endpoint=endpoint, by=actor(request), now=timezone.now())
        return Response(_with_secret(endpoint, secret))


class WebhookDeliveries(GenericAPIView[WebhookDelivery]):
    """The deliveries to an endpoint, newest first."""

    queryset = WebhookDelivery.objects.none()  # for the schema
    serializer_class = DeliverySerializer
    permission_classes = PERMISSIONS

    @extend_schema(
        operation_id="webhook_deliveries_list",
        summary="List the deliveries to a webhook endpoint",
        responses={200: DeliverySerializer(many=True), **NOT_FOUND},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        endpoint = _endpoint(request, pk)
        deliveries = selectors.deliveries_visible_to(actor(request)).filter(endpoint=endpoint)
        page = self.paginate_queryset(deliveries) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class WebhookRedelivery(APIView):
    """The repetition of a delivery."""

    permission_classes = PERMISSIONS

    @extend_schema(
        operation_id="webhook_deliveries_repeat",
        summary="Deliver an event again, with the same id",
        request=None,
        responses={202: DeliverySerializer, **NOT_FOUND},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        delivery = get_object_or_404(selectors.deliveries_visible_to(actor(request)), pk=pk)
        services.redeliver(delivery=delivery, by=actor(request), now=timezone.now())
        delivery.refresh_from_db()
        return Response(DeliverySerializer(delivery).data, status=202)


def _endpoint(request: Request, pk: UUID) -> WebhookEndpoint:
    return get_object_or_404(selectors.endpoints_visible_to(actor(request)), pk=pk)


def _with_secret(endpoint: WebhookEndpoint, secret: str) -> Any:
    return EndpointWithSecretSerializer(endpoint, context={"secret": secret}).data
