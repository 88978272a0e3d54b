"""API of the own account and of the sites."""

from __future__ import annotations

from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.models import Site
from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import answers
from diagnostics.accounts.services import access_policy
from diagnostics.administration.serializers import MeSerializer, SiteSerializer


class Me(APIView):
    """The user of the request."""

    @extend_schema(
        operation_id="me_read",
        summary="Read the own account, its permissions and those of the token",
        responses=answers(MeSerializer),
    )
    def get(self, request: Request) -> Response:
        user = actor(request)
        shown = {
            "id": user.pk,
            "username": user.username,
            "role": user.role,
            "permissions": sorted(each for each in Permission if user.has_permission(each)),
            "scopes": None if user.scopes is None else sorted(user.scopes),
            "token_expires_at": getattr(request.auth, "expires_at", None),
            "sites": user.sites.all(),
        }
        return Response(MeSerializer(shown).data)


class Sites(GenericAPIView[Site]):
    """The sites of the user."""

    queryset = Site.objects.none()  # for the schema
    serializer_class = SiteSerializer
    permission_classes = [HasPermission(Permission.SEE_CASES)]

    @extend_schema(
        operation_id="sites_list",
        summary="List the own sites",
        responses=answers(SiteSerializer(many=True), 400),
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(actor(request).sites.order_by("name", "pk")) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class AccessPolicy(APIView):
    """The access policy of a site."""

    permission_classes = [HasPermission(Permission.MANAGE_STAFF)]

    @extend_schema(
        operation_id="access_policy_set",
        summary="Set idle timeout and second factor of a site",
        request=SiteSerializer,
        responses=answers(SiteSerializer, 400, 404),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        site = get_object_or_404(actor(request).sites, pk=pk)
        sent = SiteSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        access_policy.set_access_policy(
            site=site, by=actor(request), now=timezone.now(), **sent.validated_data
        )
        return Response(SiteSerializer(site).data)
