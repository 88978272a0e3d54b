"""API of the staff: list, create, change, deactivate, unlock, end access.

Password links and API tokens are made on pages alone: their secrets belong to a person, not to a script.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts import selectors
from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import answers
from diagnostics.accounts.services import attempts, second_factor, staff
from diagnostics.administration.serializers import NewUserSerializer, UserQuerySerializer, UserSerializer
from diagnostics.administration.services import accounts

ACTIVITY: Final = {"deactivate": False, "reactivate": True}
ACCESS: Final = {
    "unlock": attempts.unlock,
    "reset-factors": second_factor.reset_factors,
    "end-access": second_factor.end_access,
}
ACTION: Final = OpenApiParameter(
    "action", OpenApiTypes.STR, OpenApiParameter.PATH, enum=[*ACTIVITY, *ACCESS], required=True
)


class Users(GenericAPIView[User]):
    """The staff of the user's sites."""

    queryset = User.objects.none()  # for the schema
    serializer_class = UserSerializer
    permission_classes = [HasPermission(Permission.MANAGE_STAFF)]

    @extend_schema(
        operation_id="users_list",
        summary="List the staff",
        parameters=[UserQuerySerializer],
        responses=answers(UserSerializer(many=True), 400),
    )
    def get(self, request: Request) -> Response:
        query = UserQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        page = self.paginate_queryset(_seen(request, **query.validated_data)) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="users_create",
        summary="Create an account",
        description="Without a password: an administrator makes a password link on its page.",
        request=NewUserSerializer,
        responses=answers(UserSerializer, 400, status=201),
    )
    def post(self, request: Request) -> Response:
        by = actor(request)
        values = NewUserSerializer(data=request.data).checked(by)
        sites = values.pop("sites")
        created = staff.create_account(sites=sites, values=values, by=by, now=timezone.now())
        return Response(UserSerializer(_account(request, created.pk)).data, status=201)


class UserDetail(APIView):
    """One account, except the own one."""

    permission_classes = [HasPermission(Permission.MANAGE_STAFF)]

    @extend_schema(
        operation_id="users_read", summary="Read an account", responses=answers(UserSerializer, 404)
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(UserSerializer(_account(request, pk)).data)

    @extend_schema(
        operation_id="users_change",
        summary="Change an account",
        description="Releases the cases that its user may then not read. A new role ends its sessions.",
        request=NewUserSerializer,
        responses=answers(UserSerializer, 400, 404),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        by, account = actor(request), _account(request, pk)
        values = NewUserSerializer(data=request.data).checked(by, account)
        sites = values.pop("sites")
        accounts.change_account(user=account, sites=sites, values=values, by=by, now=timezone.now())
        return Response(UserSerializer(_account(request, pk)).data)


class UserAction(APIView):
    """A change of the access of an account."""

    permission_classes = [HasPermission(Permission.MANAGE_STAFF)]

    @extend_schema(
        operation_id="users_action",
        summary="Deactivate, reactivate or unlock an account, reset its second factors or end its access",
        parameters=[ACTION],
        request=None,
        responses=answers(UserSerializer, 404),
    )
    def post(self, request: Request, pk: UUID, action: str) -> Response:
        by, now, account = actor(request), timezone.now(), _account(request, pk)
        if action in ACTIVITY:
            accounts.set_active(user=account, active=ACTIVITY[action], by=by, now=now)
        elif action in ACCESS:
            ACCESS[action](user=_colleague(request, pk), by=by, now=now)
        else:
            raise Http404
        return Response(UserSerializer(_account(request, pk)).data)


def _seen(request: Request, **filters: str) -> QuerySet[User]:
    return selectors.staff_with_access(actor(request), now=timezone.now(), **filters)


def _account(request: Request, pk: UUID) -> User:
    return get_object_or_404(_seen(request).exclude(pk=actor(request).pk), pk=pk)


def _colleague(request: Request, pk: UUID) -> User:
    """Return a member of the user's sites, as on the page: an account without a site has no access to end."""
    return get_object_or_404(selectors.staff_of(actor(request)), pk=pk)
