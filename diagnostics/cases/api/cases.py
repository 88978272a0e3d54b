"""The cases API: upload a radiograph, follow its case, read the prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors, upload_validation
from diagnostics.cases.errors import IdentityMismatch
from diagnostics.cases.models import Case
from diagnostics.cases.permissions import may_see_identifiers
from diagnostics.cases.selectors import lists
from diagnostics.cases.serializers.cases import (
    CaseListQuerySerializer,
    CaseSerializer,
    CreatedCaseSerializer,
    ErrorSerializer,
)
from diagnostics.cases.serializers.corrections import CorrectionSerializer, StoredCorrectionSerializer
from diagnostics.cases.serializers.uploads import ConflictSerializer, UploadSerializer
from diagnostics.cases.services import admission, blinding, case_lists, corrections

LIST_PARAMETERS: Final = ("status", "ordering", "cursor")  # a name that a user invents is not recorded
MAX_PARSED_BYTES: Final = 4 * upload_validation.MAX_FILE_BYTES  # a longer request is refused unread


class CaseList(GenericAPIView[Case]):
    """The cases of the user's sites."""

    queryset = Case.objects.none()  # for the schema; each request selects the visible cases
    serializer_class = CaseSerializer
    parser_classes = [MultiPartParser]

    def get_permissions(self) -> list[BasePermission]:
        """Return the permission of the method: uploading and viewing are different ones."""
        return [HasPermission(Permission.UPLOAD if self.request.method == "POST" else Permission.SEE_CASES)()]

    @extend_schema(
        operation_id="cases_list",
        summary="List cases",
        description="Patient references are masked, except for a token with the scope `identifiers`. "
        "The number of cases and the names of the filters are audited.",
        parameters=[CaseListQuerySerializer],
        responses={
            200: CaseSerializer(many=True),
            400: ErrorSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: ErrorSerializer,
        },
    )
    def get(self, request: Request) -> Response:
        query = CaseListQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        listed = lists.case_list(actor(request), **query.validated_data)
        keys: Any = self.paginate_queryset(cast(Any, listed))
        page = lists.cases_of_page(keys)
        identifiers = may_see_identifiers(actor(request), request.auth)
        case_lists.record_list(
            cases=page,
            filters={name: request.query_params.get(name) for name in LIST_PARAMETERS},
            identifiers=identifiers,
            by=actor(request),
            now=timezone.now(),
        )
        context = _prediction_context(self, page) | {"identifiers": identifiers}
        return self.get_paginated_response(self.get_serializer(page, many=True, context=context).data)

    @extend_schema(
        operation_id="cases_open",
        summary="Upload a radiograph",
        description="Idempotent: a second upload of the same radiograph and patient returns the same case.",
        request={"multipart/form-data": UploadSerializer},
        responses={
            201: CreatedCaseSerializer,
            200: OpenApiResponse(CreatedCaseSerializer, description="The radiograph already has this case"),
            400: OpenApiResponse(
                ErrorSerializer, description="The radiograph or one of its fields is invalid"
            ),
            401: ErrorSerializer,
            403: ErrorSerializer,
            409: OpenApiResponse(
                ConflictSerializer,
                description="The radiograph is stored under another patient reference, its case was "
                "withdrawn, or fields and file contradict: repeat the request with `use` and `reason`",
            ),
            415: ErrorSerializer,
            503: OpenApiResponse(
                ErrorSerializer, description="The radiograph could not be stored, or the server is busy"
            ),
        },
    )
    def post(self, request: Request) -> Response:
        fields = _upload(request)
        try:
            with upload_validation.decoding_slot():
                fields["radiograph"] = fields["radiograph"].read()
                admitted = admission.open_case(**fields, by=actor(request), now=timezone.now())
        except IdentityMismatch as error:
            error.shows_values = may_see_identifiers(actor(request), request.auth)
            raise
        context = {**self.get_serializer_context(), "existing": not admitted.created}
        body = CreatedCaseSerializer(admitted.case, context=context)
        return Response(body.data, status=status.HTTP_201_CREATED if admitted.created else status.HTTP_200_OK)


class CaseDetail(GenericAPIView[Case]):
    """One case."""

    queryset = Case.objects.none()
    serializer_class = CaseSerializer
    permission_classes = [HasPermission(Permission.SEE_CASES)]

    @extend_schema(
        operation_id="cases_read",
        summary="Read a case",
        description="`prediction` is null until one is finished; `failure` gives the reason of a failed one. "
        "`withheld` is true while a reader may still read the radiograph blind. Each response is audited as "
        "a view, except to the uploader who waits for the first prediction.",
        responses={
            200: CaseSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: OpenApiResponse(ErrorSerializer, description="No such case at the sites of the user"),
        },
    )
    def get(self, request: Request, pk: UUID) -> Response:
        user = actor(request)
        case = get_object_or_404(selectors.with_predictions(selectors.visible_to(user)), pk=pk)
        # The uploader, who entered the reference, asks again until the prediction is done.
        is_polling = case.opened_by_id == user.pk and selectors.is_prediction_open(case)
        if not is_polling:
            audit.record(action=Action.CASE_VIEWED, by=user, target=case, now=timezone.now())
        context = _prediction_context(self, [case]) | {"identifiers": True}
        return Response(self.get_serializer(case, context=context).data)


class CaseCorrections(GenericAPIView[Case]):
    """Corrections of one case."""

    queryset = Case.objects.none()
    serializer_class = CorrectionSerializer
    permission_classes = [HasPermission(Permission.SEE_CASES)]

    @extend_schema(
        operation_id="cases_correct",
        summary="Correct a case",
        description="Administrators correct any case of their sites, with the scopes `read` and `admin`; "
        "uploaders their own for an hour, with `read` and `upload`. Old value and reason are kept.",
        responses={
            201: StoredCorrectionSerializer(many=True),
            400: ErrorSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: OpenApiResponse(ErrorSerializer, description="No such case at the sites of the user"),
            409: OpenApiResponse(ErrorSerializer, description="The case was withdrawn"),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        case = get_object_or_404(selectors.visible_to(actor(request)), pk=pk)
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        stored = corrections.apply(case=case, by=actor(request), now=timezone.now(), **sent.validated_data)
        body = [StoredCorrectionSerializer(each).data for each in stored]
        return Response(body, status=status.HTTP_201_CREATED)


def _prediction_context(view: GenericAPIView[Case], cases: Sequence[Case]) -> dict[str, Any]:
    """Return which predictions are withheld, and record the view of the others."""
    user = actor(view.request)
    withheld = blinding.withheld_cases(user, cases)
    shown = [selectors.latest_done_prediction(case) for case in cases if case.pk not in withheld]
    blinding.record_prediction_shown(user, [each for each in shown if each], timezone.now())
    pcr_withheld = withheld if user.is_reader else frozenset()
    return {**view.get_serializer_context(), "withheld": withheld, "pcr_withheld": pcr_withheld}


def _upload(request: Request) -> dict[str, Any]:
    if _content_length(request) > MAX_PARSED_BYTES:
        raise upload_validation.unusable_radiograph("too_large")
    upload = UploadSerializer(data=request.data)
    upload.is_valid(raise_exception=True)
    upload_validation.check_file_size(upload.validated_data["radiograph"].size)
    return upload.admission()


def _content_length(request: Request) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else 0
