"""API of imports: scan a collection, start, stop, discard, follow."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.selectors import home_site
from diagnostics.accounts.serializers import answers, form_errors
from diagnostics.imports import selectors, staging
from diagnostics.imports.forms import ScanForm
from diagnostics.imports.models import Import
from diagnostics.imports.serializers import (
    CollectionsSerializer,
    ImportDetailSerializer,
    ImportSerializer,
    ScanSerializer,
)
from diagnostics.imports.services import import_control, scans


class Collections(APIView):
    """The collections that can be scanned."""

    permission_classes = [HasPermission(Permission.IMPORT)]

    @extend_schema(
        operation_id="imports_collections",
        summary="List the collections of the server's import folder",
        responses=answers(CollectionsSerializer),
    )
    def get(self, request: Request) -> Response:
        return Response({"collections": list(staging.available_collections())})


class Imports(GenericAPIView[Import]):
    """The imports of the user's sites."""

    queryset = Import.objects.none()  # for the schema
    serializer_class = ImportSerializer
    permission_classes = [HasPermission(Permission.IMPORT)]

    @extend_schema(
        operation_id="imports_list",
        summary="List imports",
        responses=answers(ImportSerializer(many=True), 400),
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(selectors.visible_to(actor(request))) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="imports_scan",
        summary="Scan a collection",
        description="A dry run: no case is created before the import is started.",
        request={"multipart/form-data": ScanSerializer, "application/json": ScanSerializer},
        responses=answers(ImportDetailSerializer, 400, 503, status=201),
    )
    def post(self, request: Request) -> Response:
        form = ScanForm(request.data, request.FILES)
        if not form.is_valid():
            raise ValidationError(form_errors(form))
        return Response(ImportDetailSerializer(_scan(form, request)).data, status=201)


class ImportDetail(APIView):
    """One import."""

    permission_classes = [HasPermission(Permission.IMPORT)]

    @extend_schema(
        operation_id="imports_read", summary="Read an import", responses=answers(ImportDetailSerializer, 404)
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ImportDetailSerializer(_import(request, pk)).data)


class ImportStart(APIView):
    """The start of an import."""

    permission_classes = [HasPermission(Permission.IMPORT)]

    @extend_schema(
        operation_id="imports_start",
        summary="Start or resume an import",
        request=None,
        responses=answers(ImportDetailSerializer, 400, 404, 409, status=202),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        import_control.start_import(import_job=_import(request, pk), by=actor(request), now=timezone.now())
        return Response(ImportDetailSerializer(_import(request, pk)).data, status=202)


class ImportStop(APIView):
    """The stop of an import."""

    permission_classes = [HasPermission(Permission.IMPORT)]

    @extend_schema(
        operation_id="imports_stop",
        summary="Stop an import after the current radiograph",
        request=None,
        responses=answers(ImportDetailSerializer, 400, 404, 409, status=202),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        import_control.stop_import(import_job=_import(request, pk), by=actor(request), now=timezone.now())
        return Response(ImportDetailSerializer(_import(request, pk)).data, status=202)


class ImportDiscard(APIView):
    """The end of a scan whose import was not started."""

    permission_classes = [HasPermission(Permission.IMPORT)]

    @extend_schema(
        operation_id="imports_discard",
        summary="Discard a scan",
        request=None,
        responses=answers(None, 400, 404, 409, status=204),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        scans.discard_scan(import_job=_import(request, pk), by=actor(request))
        return Response(status=204)


def _scan(form: ScanForm, request: Request) -> Import:
    user = actor(request)
    arguments: dict[str, Any] = {
        "options": form.import_options(),
        "site": home_site(user),
        "by": user,
        "now": timezone.now(),
    }
    upload = form.uploaded_zip()
    if upload is not None:
        return scans.scan_path(collection=upload.chunks(), origin=upload.name or "", **arguments)
    return scans.scan_choice(name=form.cleaned_data["choice"], cohen=form.cleaned_data["cohen"], **arguments)


def _import(request: Request, pk: UUID) -> Import:
    return get_object_or_404(selectors.visible_to(actor(request)), pk=pk)
