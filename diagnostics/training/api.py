"""API of training: runs, snapshots, the schedule, the lineage of a case."""

from __future__ import annotations

from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import ErrorSerializer, answers
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.selectors import visible_to
from diagnostics.training.models import TrainingRun, Trigger
from diagnostics.training.selectors import runs
from diagnostics.training.selectors.lineage import lineage_of
from diagnostics.training.selectors.snapshots import summary_of
from diagnostics.training.serializers import (
    LineageQuerySerializer,
    LineageSerializer,
    NewRunSerializer,
    RunSerializer,
    ScheduleSerializer,
    SnapshotSerializer,
)
from diagnostics.training.services import failed_runs, run_control, schedule


class Runs(GenericAPIView[TrainingRun]):
    """Training runs."""

    queryset = TrainingRun.objects.none()  # for the schema
    serializer_class = RunSerializer
    permission_classes = [HasPermission(Permission.TRAIN)]

    @extend_schema(
        operation_id="training_runs_list",
        summary="List training runs",
        responses=answers(RunSerializer(many=True), 400),
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(runs.runs()) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

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
            by=actor(request),
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
        return Response(RunSerializer(_run(pk)).data)


class RunStop(APIView):
    """The stop of a run."""

    permission_classes = [HasPermission(Permission.TRAIN)]

    @extend_schema(
        operation_id="training_runs_stop",
        summary="Stop a run after the current step",
        description="Its best epoch becomes the candidate.",
        request=None,
        responses=answers(RunSerializer, 404, 409, status=202),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        run_control.stop_run(run=_run(pk), by=actor(request), now=timezone.now())
        return Response(RunSerializer(_run(pk)).data, status=202)


class RunResume(APIView):
    """The resumption of a failed run."""

    permission_classes = [HasPermission(Permission.TRAIN)]

    @extend_schema(
        operation_id="training_runs_resume",
        summary="Resume a failed run from its last checkpoint",
        request=None,
        responses=answers(RunSerializer, 404, 409, status=202),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        failed_runs.resume_run(run=_run(pk), by=actor(request), now=timezone.now())
        return Response(RunSerializer(_run(pk)).data, status=202)


class RunDiscardCheckpoints(APIView):
    """The end of the checkpoints of a failed run."""

    permission_classes = [HasPermission(Permission.TRAIN)]

    @extend_schema(
        operation_id="training_runs_discard_checkpoints",
        summary="Delete the checkpoints of a failed run",
        request=None,
        responses=answers(None, 404, 409, status=204),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        failed_runs.discard_checkpoints(run=_run(pk), by=actor(request), now=timezone.now())
        return Response(status=204)


class RunSnapshot(APIView):
    """The snapshot of a run in numbers."""

    permission_classes = [HasPermission(Permission.TRAIN)]

    @extend_schema(
        operation_id="training_runs_snapshot",
        summary="Read the snapshot of a run in numbers",
        responses=answers(SnapshotSerializer, 404),
    )
    def get(self, request: Request, pk: UUID) -> Response:
        run = _run(pk)
        summary = summary_of(run, user=actor(request))
        return Response(SnapshotSerializer(summary, context={"run": run}).data)


class TrainingSchedule(APIView):
    """The schedule of training."""

    permission_classes = [HasPermission(Permission.TRAIN)]

    @extend_schema(
        operation_id="training_schedule_read",
        summary="Read the schedule of training",
        responses=answers(ScheduleSerializer),
    )
    def get(self, request: Request) -> Response:
        return Response(ScheduleSerializer(runs.schedule()).data)

    @extend_schema(
        operation_id="training_schedule_set",
        summary="Set the schedule of training",
        request=ScheduleSerializer,
        responses=answers(ScheduleSerializer, 400),
    )
    def post(self, request: Request) -> Response:
        sent = ScheduleSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        plan = schedule.set_schedule(
            by=actor(request), values=schedule.ScheduleValues(**sent.validated_data), now=timezone.now()
        )
        return Response(ScheduleSerializer(plan).data)


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
        user = actor(request)
        case = get_object_or_404(visible_to(user), pk=pk)
        query = LineageQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        audit.record(action=Action.CASE_VIEWED, by=user, target=case, now=timezone.now())
        return Response(LineageSerializer(lineage_of(case, user=user, **query.validated_data)).data)


def _run(pk: UUID) -> TrainingRun:
    return get_object_or_404(runs.runs(), pk=pk)
