"""Cases for scripts: send a radiograph, follow it, read the answer."""

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

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import HasPermission
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors, upload_validation
from diagnostics.cases.models import Case
from diagnostics.cases.serializers import (
    CaseListQuerySerializer,
    CaseSerializer,
    CreatedCaseSerializer,
    ErrorSerializer,
    UploadSerializer,
)
from diagnostics.cases.services import admission, blinding

READ_TO_REFUSE: Final = 4 * upload_validation.MAX_FILE_BYTES  # bytes; a longer request is refused unread


class CaseList(GenericAPIView[Case]):
    """The cases of one's sites."""

    queryset = Case.objects.none()  # for the schema; each answer asks for what this person sees
    serializer_class = CaseSerializer
    parser_classes = [MultiPartParser]

    def get_permissions(self) -> list[BasePermission]:
        """Ask those who send for another permission than those who look."""
        return [HasPermission(Permission.UPLOAD if self.request.method == "POST" else Permission.SEE_CASES)()]

    @extend_schema(
        operation_id="cases_list",
        summary="List cases",
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
        cases = selectors.case_list(_staff(request), **query.validated_data)
        page = self.paginate_queryset(cases) or []
        return self.get_paginated_response(
            self.get_serializer(page, many=True, context=_seen(self, page)).data
        )

    @extend_schema(
        operation_id="cases_open",
        summary="Send a radiograph",
        description="The same radiograph of the same patient is the same case: sending it again changes nothing.",
        request={"multipart/form-data": UploadSerializer},
        responses={
            201: CreatedCaseSerializer,
            200: OpenApiResponse(
                CreatedCaseSerializer, description="The radiograph was known; this is its case"
            ),
            400: OpenApiResponse(
                ErrorSerializer, description="The radiograph or what stands beside it cannot be used"
            ),
            401: ErrorSerializer,
            403: ErrorSerializer,
            409: OpenApiResponse(
                ErrorSerializer, description="The radiograph is known under another patient reference"
            ),
            415: ErrorSerializer,
            503: OpenApiResponse(ErrorSerializer, description="The radiograph could not be stored"),
        },
    )
    def post(self, request: Request) -> Response:
        opened = admission.open_case(**_upload(request), by=_staff(request), now=timezone.now())
        context = {**self.get_serializer_context(), "existing": not opened.created}
        answer = CreatedCaseSerializer(opened.case, context=context)
        return Response(answer.data, status=status.HTTP_201_CREATED if opened.created else status.HTTP_200_OK)


class CaseDetail(GenericAPIView[Case]):
    """One case."""

    queryset = Case.objects.none()
    serializer_class = CaseSerializer
    permission_classes = [HasPermission(Permission.SEE_CASES)]

    @extend_schema(
        operation_id="cases_read",
        summary="Look at a case",
        description="`prediction` is null until a version has answered; `failure` says why it could not. "
        "A reader sees no answer while the radiograph may still be read without it: `withheld` says so.",
        responses={
            200: CaseSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: OpenApiResponse(ErrorSerializer, description="No such case at the sites of this person"),
        },
    )
    def get(self, request: Request, pk: UUID) -> Response:
        case = get_object_or_404(selectors.with_predictions(selectors.visible_to(_staff(request))), pk=pk)
        if selectors.latest_done_prediction(case):  # following a case that has no answer yet is no viewing
            audit.record(action=Action.CASE_VIEWED, by=_staff(request), target=case, now=timezone.now())
        return Response(self.get_serializer(case, context=_seen(self, [case])).data)


def _seen(view: GenericAPIView[Case], cases: Sequence[Case]) -> dict[str, Any]:
    """Say which answers this person may not see yet, and write down that the others are seen."""
    user = _staff(view.request)
    withheld = blinding.withheld_cases(user, cases)
    shown = [selectors.latest_done_prediction(case) for case in cases if case.pk not in withheld]
    blinding.record_prediction_shown(user, [answer for answer in shown if answer], timezone.now())
    pcr_kept = withheld if user.has_permission(Permission.READ) else frozenset()
    return {**view.get_serializer_context(), "withheld": withheld, "pcr_kept": pcr_kept}


def _staff(request: Request) -> User:
    return cast(User, request.user)  # MayApi lets nobody else in


def _upload(request: Request) -> dict[str, Any]:
    if _announced(request) > READ_TO_REFUSE:
        raise upload_validation.unusable_radiograph("too_large")
    upload = UploadSerializer(data=request.data)
    upload.is_valid(raise_exception=True)
    upload_validation.check_file_size(upload.validated_data["radiograph"].size)
    return upload.validated_data | {"radiograph": upload.validated_data["radiograph"].read()}


def _announced(request: Request) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else 0
