"""API of the worklist: its cases, the next case, claims, assignments and saved views."""

from __future__ import annotations

from typing import Any, Final, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import answers
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.cases.serializers.actions import CasesSerializer, ChangedSerializer
from diagnostics.cases.services import case_lists
from diagnostics.review.errors import UnknownReader
from diagnostics.review.models import Queue, SavedView
from diagnostics.review.selectors import readers
from diagnostics.review.selectors import worklist as selectors
from diagnostics.review.serializers.worklist import (
    AssignSerializer,
    ClaimSerializer,
    NextCaseSerializer,
    SavedViewSerializer,
    WorklistCaseSerializer,
    WorklistQuerySerializer,
)
from diagnostics.review.services import assignments, claims, saved_views
from diagnostics.review.worklist_query import WorklistQuery

NO_CASE: Final = OpenApiResponse(description="The queue is empty")


class Worklist(GenericAPIView[Case]):
    """The list of cases, by tab, as the page shows it."""

    queryset = Case.objects.none()  # for the schema
    serializer_class = WorklistCaseSerializer
    permission_classes = [HasPermission(Permission.SEE_CASES)]

    @extend_schema(
        operation_id="worklist_list",
        summary="List the cases of a tab",
        description="Without AI results and with masked patient references, for every role. Open cases "
        "by due time, STAT first. A search by accession number is audited.",
        parameters=[WorklistQuerySerializer],
        responses=answers(WorklistCaseSerializer(many=True), 400),
    )
    def get(self, request: Request) -> Response:
        sent = WorklistQuerySerializer(data=request.query_params)
        sent.is_valid(raise_exception=True)
        user, now = actor(request), timezone.now()
        query = selectors.resolved(WorklistQuery.of(sent.validated_data), user)
        page: Any = self.paginate_queryset(cast(Any, selectors.worklist(user, query, now=now)))
        if query.q:
            case_lists.record_search(found=len(page), filters=vars(query), by=user, now=now)
        rows = self.get_serializer(selectors.details_of(page, now), many=True)
        return self.get_paginated_response(rows.data)


class NextCase(APIView):
    """The next case of a queue."""

    permission_classes = [HasPermission(Permission.READ)]

    @extend_schema(
        operation_id="worklist_next",
        summary="Claim the next case of a queue",
        description="A reader who holds a claim gets that one, renewed.",
        request=NextCaseSerializer,
        responses=answers(ClaimSerializer, 400, 409) | {204: NO_CASE},
    )
    def post(self, request: Request) -> Response:
        sent = NextCaseSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        queue = Queue(sent.validated_data["queue"])
        claimed = claims.claim_next(by=actor(request), now=timezone.now(), queue=queue)
        if claimed is None:
            return Response(status=204)
        return Response(ClaimSerializer(claimed, context={"request": request}).data)


class CaseClaim(APIView):
    """The claim of a reader on a case."""

    permission_classes = [HasPermission(Permission.READ)]

    @extend_schema(
        operation_id="cases_claim",
        summary="Claim a case, or renew the own claim",
        request=None,
        responses=answers(ClaimSerializer, 404, 409),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        held = claims.claim(case=_case(request, pk), by=actor(request), now=timezone.now())
        return Response(ClaimSerializer(held, context={"request": request}).data)


class CaseRelease(APIView):
    """The release of a case."""

    permission_classes = [HasPermission(Permission.READ)]

    @extend_schema(
        operation_id="cases_release",
        summary="Release a case without a reading",
        request=None,
        responses=answers(None, 404, status=204),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        claims.release(case=_case(request, pk), by=actor(request), now=timezone.now())
        return Response(status=204)


class Assign(APIView):
    """The assignment of cases."""

    permission_classes = [HasPermission(Permission.ASSIGN)]

    @extend_schema(
        operation_id="worklist_assign",
        summary="Assign cases to a reader",
        description="Refused where the reader has read one of the cases or seen its AI result.",
        request=AssignSerializer,
        responses=answers(ChangedSerializer, 400, 409),
    )
    def post(self, request: Request) -> Response:
        cases, sent = _selected(request, AssignSerializer)
        to = _reader(actor(request), sent["to"])
        changed = assignments.assign(cases=cases, to=to, by=actor(request), now=timezone.now())
        return Response({"changed": changed})


class EndClaims(APIView):
    """The end of claims of any reader."""

    permission_classes = [HasPermission(Permission.MANAGE_READERS)]

    @extend_schema(
        operation_id="worklist_end_claims",
        summary="End the claims on cases",
        request=CasesSerializer,
        responses=answers(ChangedSerializer, 400),
    )
    def post(self, request: Request) -> Response:
        cases, _sent = _selected(request, CasesSerializer)
        return Response({"changed": claims.end_claims(cases=cases, by=actor(request), now=timezone.now())})


class SavedViews(GenericAPIView[SavedView]):
    """The saved views of the user."""

    queryset = SavedView.objects.none()
    serializer_class = SavedViewSerializer
    permission_classes = [HasPermission(Permission.ASSIGN)]

    @extend_schema(
        operation_id="saved_views_list",
        summary="List the own saved views",
        responses=answers(SavedViewSerializer(many=True), 400),
    )
    def get(self, request: Request) -> Response:
        own = SavedView.objects.filter(owner=actor(request)).order_by("name", "pk")
        page = self.paginate_queryset(own) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="saved_views_save",
        summary="Save a view",
        description="Replaces the own view of the same name.",
        responses=answers(SavedViewSerializer, 400, status=201),
    )
    def post(self, request: Request) -> Response:
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        query = WorklistQuery.of(QueryDict(sent.validated_data["query"]))
        view = saved_views.save_view(name=sent.validated_data["name"], query=query, by=actor(request))
        return Response(self.get_serializer(view).data, status=201)


class SavedViewDelete(APIView):
    """The end of a saved view."""

    permission_classes = [HasPermission(Permission.ASSIGN)]

    @extend_schema(
        operation_id="saved_views_delete",
        summary="Delete an own saved view",
        request=None,
        responses=answers(None, 404, status=204),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        try:
            saved_views.delete_view(pk=pk, by=actor(request))
        except SavedView.DoesNotExist as error:
            raise Http404 from error
        return Response(status=204)


def _selected(
    request: Request, serializer: type[serializers.Serializer[Any]]
) -> tuple[QuerySet[Case], dict[str, Any]]:
    """Return the visible cases of the input, and its other fields; raises ValidationError."""
    sent = serializer(data=request.data)
    sent.is_valid(raise_exception=True)
    fields = dict(sent.validated_data)
    return visible_to(actor(request)).filter(pk__in=fields.pop("cases")), fields


def _reader(user: User, username: str | None) -> User | None:
    if username is None:
        return None
    known = readers.readers_of(user.sites.values_list("pk", flat=True))
    found = known.filter(username=username).first()
    if found is None:
        raise UnknownReader(_("No reader of your sites has this user name."))
    return found


def _case(request: Request, pk: UUID) -> Case:
    return get_object_or_404(visible_to(actor(request)), pk=pk)
