"""API of training: start a run and follow it."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import HasPermission
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import ErrorSerializer
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.selectors import visible_to
from diagnostics.training.models import Trigger
from diagnostics.training.selectors import runs
from diagnostics.training.selectors.lineage import lineage_of
from diagnostics.training.serializers import (
    LineageQuerySerializer,
    LineageSerializer,
    NewRunSerializer,
    RunSerializer,
)
from diagnostics.training.services import run_control


class Runs(APIView):
    """Training runs."""

    permission_classes = [HasPermission(Permission.TRAIN)]

    @extend_schema(
        operation_id="training_runs_start",
        summary="Start a training run",
        request=NewRunSerializer,
        responses={
            201: RunSerializer,
            400: OpenApiResponse(ErrorSerializer, description="A parameter is invalid"),
            401: ErrorSerializer,
            403: ErrorSerializer,
            409: OpenApiResponse(
                ErrorSerializer,
                description="`already_training`, `too_few_labels`, `no_active_version`, `unchanged`",
            ),
        },
    )
    def post(self, request: Request) -> Response:
        serializer = NewRunSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        run = run_control.start_run(
            by=cast(User, request.user),
            parameters=serializer.parameters(),
            trigger=Trigger.MANUAL,
            now=timezone.now(),
            leak_reason=serializer.validated_data["leak_reason"],
        )
        return Response(RunSerializer(run).data, status=status.HTTP_201_CREATED)


class Run(APIView):
    """One training run."""

    permission_classes = [HasPermission(Permission.TRAIN)]

    @extend_schema(
        operation_id="training_runs_read",
        summary="Read a training run",
        responses={
            200: RunSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: OpenApiResponse(ErrorSerializer, description="No such run"),
        },
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(RunSerializer(get_object_or_404(runs.runs(), pk=pk)).data)


class CaseLineage(APIView):
    """The lineage of one case."""

    permission_classes = [HasPermission(Permission.TRAIN)]

    @extend_schema(
        operation_id="cases_lineage",
        summary="Trace the predictions and the labels of a case",
        description="From each prediction to version, run, snapshot and labels, and from the labels of the "
        "case to the versions they taught. Each response is audited as a view of the case.",
        parameters=[LineageQuerySerializer],
        responses={
            200: LineageSerializer,
            400: ErrorSerializer,
            401: ErrorSerializer,
            403: ErrorSerializer,
            404: OpenApiResponse(ErrorSerializer, description="No such case at the sites of the user"),
        },
    )
    def get(self, request: Request, pk: UUID) -> Response:
        user = cast(User, request.user)
        case = get_object_or_404(visible_to(user), pk=pk)
        query = LineageQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        audit.record(action=Action.CASE_VIEWED, by=user, target=case, now=timezone.now())
        return Response(LineageSerializer(lineage_of(case, user=user, **query.validated_data)).data)
