"""API of identity conflicts: list, resolve."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission, Scope
from diagnostics.accounts.serializers import answers
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.patients import selectors, services
from diagnostics.patients.models import IdentityConflict
from diagnostics.patients.serializers import IdentityConflictSerializer, ResolveSerializer

NEWEST_FIRST: Final = ("-found_at", "pk")


class IdentityConflicts(GenericAPIView[IdentityConflict]):
    """The conflicts of the user's sites."""

    queryset = IdentityConflict.objects.none()  # for the schema
    serializer_class = IdentityConflictSerializer
    permission_classes = [HasPermission(Permission.CORRECT)]

    @extend_schema(
        operation_id="identity_conflicts_list",
        summary="List identity conflicts",
        description="With the identities only for a token with the scope `identifiers`; each one is audited.",
        responses=answers(IdentityConflictSerializer(many=True), 400),
    )
    def get(self, request: Request) -> Response:
        user, shows = actor(request), Scope.IDENTIFIERS in getattr(request.auth, "scopes", ())
        found = selectors.conflicts_visible_to(user).order_by(*NEWEST_FIRST)
        page = self.paginate_queryset(found) or []
        for conflict in page if shows else ():
            audit.record(action=Action.IDENTITY_CONFLICT_VIEWED, by=user, target=conflict, now=timezone.now())
        context = {**self.get_serializer_context(), "identifiers": shows}
        return self.get_paginated_response(self.get_serializer(page, many=True, context=context).data)


class IdentityConflictResolve(APIView):
    """The resolution of a conflict."""

    permission_classes = [HasPermission(Permission.CORRECT)]

    @extend_schema(
        operation_id="identity_conflicts_resolve",
        summary="Resolve an identity conflict",
        request=ResolveSerializer,
        responses=answers(IdentityConflictSerializer, 400, 404, 409),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        user = actor(request)
        conflict = get_object_or_404(selectors.conflicts_visible_to(user), pk=pk)
        sent = ResolveSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        resolved = services.resolve(conflict=conflict, by=user, now=timezone.now(), **sent.validated_data)
        return Response(IdentityConflictSerializer(resolved).data)
