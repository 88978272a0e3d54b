"""API of DICOM: nodes, received instances, deliveries of results."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.models import Site
from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.cases.serializers.cases import ErrorSerializer
from diagnostics.integrations.models import DicomNode, ReceivedInstance, ResultDelivery
from diagnostics.integrations.selectors import dicom as selectors
from diagnostics.integrations.serializers.dicom import (
    ChangedNodeSerializer,
    NewNodeSerializer,
    NodeSerializer,
    ReceivedInstanceSerializer,
    ResultDeliverySerializer,
)
from diagnostics.integrations.services import dicom_nodes, result_queue

PERMISSIONS = [HasPermission(Permission.MANAGE_INTEGRATIONS)]
REFUSALS: dict[int, Any] = {401: ErrorSerializer, 403: ErrorSerializer}
NOT_FOUND: dict[int, Any] = REFUSALS | {404: OpenApiResponse(ErrorSerializer, description="No such object")}
INVALID: dict[int, Any] = {400: OpenApiResponse(ErrorSerializer, description="A field is invalid")}


class Nodes(GenericAPIView[DicomNode]):
    """The nodes of the user's sites."""

    queryset = DicomNode.objects.none()  # for the schema
    serializer_class = NodeSerializer
    permission_classes = PERMISSIONS

    @extend_schema(
        operation_id="dicom_nodes_list",
        summary="List DICOM nodes",
        responses={200: NodeSerializer(many=True), **REFUSALS},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(selectors.nodes_of(actor(request))) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="dicom_nodes_create",
        summary="Add a DICOM node",
        request=NewNodeSerializer,
        responses={201: NodeSerializer, **INVALID, **NOT_FOUND},
    )
    def post(self, request: Request) -> Response:
        given = NewNodeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        site = get_object_or_404(actor(request).sites.all(), pk=cast(Site, values.pop("site")).pk)
        node = dicom_nodes.save_node(
            node=None, site=site, values=values, by=actor(request), now=timezone.now()
        )
        return Response(NodeSerializer(node).data, status=201)


class Node(APIView):
    """One node."""

    permission_classes = PERMISSIONS

    @extend_schema(
        operation_id="dicom_nodes_read",
        summary="Read a DICOM node",
        responses={200: NodeSerializer, **NOT_FOUND},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(NodeSerializer(_node(request, pk)).data)

    @extend_schema(
        operation_id="dicom_nodes_change",
        summary="Change a DICOM node",
        request=ChangedNodeSerializer,
        responses={200: NodeSerializer, **INVALID, **NOT_FOUND},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        node = _node(request, pk)
        given = ChangedNodeSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changed = dicom_nodes.save_node(
            node=node, site=node.site, values=given.validated_data, by=actor(request), now=timezone.now()
        )
        return Response(NodeSerializer(changed).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="dicom_received_list", summary="List received DICOM instances, newest first"
    )
)
class Received(ListAPIView[ReceivedInstance]):
    """What the user's sites received by DICOM."""

    queryset = ReceivedInstance.objects.none()  # for the schema
    serializer_class = ReceivedInstanceSerializer
    permission_classes = PERMISSIONS

    def get_queryset(self) -> Any:
        return selectors.received_of(actor(self.request))


@extend_schema_view(
    get=extend_schema(
        operation_id="dicom_results_list", summary="List deliveries of AI results, newest first"
    )
)
class Results(ListAPIView[ResultDelivery]):
    """The deliveries of the user's sites."""

    queryset = ResultDelivery.objects.none()  # for the schema
    serializer_class = ResultDeliverySerializer
    permission_classes = PERMISSIONS

    def get_queryset(self) -> Any:
        return selectors.deliveries_of(actor(self.request))


class Retry(APIView):
    """A failed delivery, queued again."""

    permission_classes = PERMISSIONS

    @extend_schema(
        operation_id="dicom_results_retry",
        summary="Retry a failed delivery",
        request=None,
        responses={
            200: ResultDeliverySerializer,
            409: OpenApiResponse(ErrorSerializer, description="The delivery has not failed"),
            **NOT_FOUND,
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        delivery = get_object_or_404(selectors.deliveries_of(actor(request)), pk=pk)
        result_queue.retry_delivery(delivery=delivery, by=actor(request), now=timezone.now())
        delivery.refresh_from_db()
        return Response(ResultDeliverySerializer(delivery).data)


def _node(request: Request, pk: UUID) -> DicomNode:
    return get_object_or_404(selectors.nodes_of(actor(request)), pk=pk)
