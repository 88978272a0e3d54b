"""Cases for scripts: send a film, follow it, read the answer."""

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

from diagnostics.accounts.guards import MayApi
from diagnostics.accounts.models import User
from diagnostics.accounts.roles import May
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import answers, selectors, services, uploads
from diagnostics.cases.http import CaseOut, ListQuery, OpenedCase, Refusal, Upload
from diagnostics.cases.models import Case

READ_TO_REFUSE: Final = 4 * uploads.LARGEST_FILE  # bytes; a longer request is refused unread


class CaseList(GenericAPIView[Case]):
    """The cases of one's sites."""

    queryset = Case.objects.none()  # for the schema; each answer asks for what this person sees
    serializer_class = CaseOut
    parser_classes = [MultiPartParser]

    def get_permissions(self) -> list[BasePermission]:
        """Ask those who send for another permission than those who look."""
        return [MayApi(May.UPLOAD if self.request.method == "POST" else May.SEE_CASES)()]

    @extend_schema(
        operation_id="cases_list",
        summary="List cases",
        parameters=[ListQuery],
        responses={200: CaseOut(many=True), 400: Refusal, 401: Refusal, 403: Refusal, 404: Refusal},
    )
    def get(self, request: Request) -> Response:
        query = ListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        cases = selectors.case_list(_staff(request), **query.validated_data)
        page = self.paginate_queryset(cases) or []
        return self.get_paginated_response(
            self.get_serializer(page, many=True, context=_seen(self, page)).data
        )

    @extend_schema(
        operation_id="cases_open",
        summary="Send a film",
        description="The same film of the same patient is the same case: sending it again changes nothing.",
        request={"multipart/form-data": Upload},
        responses={
            201: OpenedCase,
            200: OpenApiResponse(OpenedCase, description="The film was known; this is its case"),
            400: OpenApiResponse(Refusal, description="The film or what stands beside it cannot be used"),
            401: Refusal,
            403: Refusal,
            409: OpenApiResponse(Refusal, description="The film is known under another patient reference"),
            415: Refusal,
            503: OpenApiResponse(Refusal, description="The film could not be stored"),
        },
    )
    def post(self, request: Request) -> Response:
        opened = services.open_case(**_upload(request), by=_staff(request), now=timezone.now())
        context = {**self.get_serializer_context(), "existing": not opened.created}
        answer = OpenedCase(opened.case, context=context)
        return Response(answer.data, status=status.HTTP_201_CREATED if opened.created else status.HTTP_200_OK)


class CaseDetail(GenericAPIView[Case]):
    """One case."""

    queryset = Case.objects.none()
    serializer_class = CaseOut
    permission_classes = [MayApi(May.SEE_CASES)]

    @extend_schema(
        operation_id="cases_read",
        summary="Look at a case",
        description="`prediction` is null until a version has answered; `failure` says why it could not. "
        "A reader sees no answer while the film may still be read without it: `withheld` says so.",
        responses={
            200: CaseOut,
            401: Refusal,
            403: Refusal,
            404: OpenApiResponse(Refusal, description="No such case at the sites of this person"),
        },
    )
    def get(self, request: Request, pk: UUID) -> Response:
        case = get_object_or_404(selectors.with_predictions(selectors.visible_to(_staff(request))), pk=pk)
        if selectors.standing_answer(case):  # following a case that has no answer yet is no viewing
            audit.record(action=Action.CASE_VIEWED, by=_staff(request), target=case, now=timezone.now())
        return Response(self.get_serializer(case, context=_seen(self, [case])).data)


def _seen(view: GenericAPIView[Case], cases: Sequence[Case]) -> dict[str, Any]:
    """Say which answers this person may not see yet, and write down that the others are seen."""
    user = _staff(view.request)
    withheld = answers.withheld(user, cases)
    shown = [selectors.standing_answer(case) for case in cases if case.pk not in withheld]
    answers.note_shown(user, [answer for answer in shown if answer], timezone.now())
    pcr_kept = withheld if user.may(May.READ) else frozenset()
    return {**view.get_serializer_context(), "withheld": withheld, "pcr_kept": pcr_kept}


def _staff(request: Request) -> User:
    return cast(User, request.user)  # MayApi lets nobody else in


def _upload(request: Request) -> dict[str, Any]:
    if _announced(request) > READ_TO_REFUSE:
        raise uploads.unusable("too_large")
    upload = Upload(data=request.data)
    upload.is_valid(raise_exception=True)
    uploads.refuse_oversize(upload.validated_data["radiograph"].size)
    return upload.validated_data | {"radiograph": upload.validated_data["radiograph"].read()}


def _announced(request: Request) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else 0
