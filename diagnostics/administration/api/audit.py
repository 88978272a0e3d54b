"""API of the audit log."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import answers
from diagnostics.administration.serializers import EventQuerySerializer, EventSerializer
from diagnostics.audit.models import AuditEvent
from diagnostics.audit.selectors import events
from diagnostics.audit.selectors.events import EventQuery


class Events(GenericAPIView[AuditEvent]):
    """The events of the user's sites."""

    queryset = AuditEvent.objects.none()  # for the schema
    serializer_class = EventSerializer
    permission_classes = [HasPermission(Permission.AUDIT)]

    @extend_schema(
        operation_id="audit_events_list",
        summary="List the events of the audit log",
        description="Newest first. No event contains a patient reference.",
        parameters=[EventQuerySerializer],
        responses=answers(EventSerializer(many=True), 400),
    )
    def get(self, request: Request) -> Response:
        query = EventQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = events.matching(actor(request), EventQuery(**query.validated_data))
        page = self.paginate_queryset(found) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
