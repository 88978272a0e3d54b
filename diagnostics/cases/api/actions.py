"""Actions on cases: run AI again, override the quality gate, RT-PCR results, priority, withdrawal."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.serializers import answers
from diagnostics.cases import selectors
from diagnostics.cases.models import Case, Priority
from diagnostics.cases.serializers.actions import (
    CasesSerializer,
    ChangedSerializer,
    PcrSerializer,
    PrioritySerializer,
    QualityOverrideSerializer,
    WithdrawSerializer,
)
from diagnostics.cases.serializers.cases import CaseSummarySerializer
from diagnostics.cases.services import bulk_retry, bulk_withdrawal, pcr, priority, quality_override, retry


class CaseAction(GenericAPIView[Case]):
    """An action on one case."""

    queryset = Case.objects.none()  # for the schema

    def case(self, request: Request, pk: UUID) -> Case:
        """Return a case of the user's sites; raises Http404."""
        return get_object_or_404(selectors.with_predictions(selectors.visible_to(actor(request))), pk=pk)

    def sent(self, request: Request) -> dict[str, Any]:
        """Return the valid input; raises ValidationError."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def queued(self, request: Request, pk: UUID) -> Response:
        """Return the case with the status of its new prediction."""
        shown = CaseSummarySerializer(self.case(request, pk), context=self.get_serializer_context())
        return Response(shown.data, status=202)


class CaseRetry(CaseAction):
    """A new prediction by the active version."""

    permission_classes = [HasPermission(Permission.SEE_CASES), HasPermission(Permission.RETRY)]

    @extend_schema(
        operation_id="cases_retry",
        summary="Run AI again",
        request=None,
        responses=answers(CaseSummarySerializer, 404, 409, status=202),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        retry.retry(case=self.case(request, pk), by=actor(request), now=timezone.now())
        return self.queued(request, pk)


class CaseQualityOverride(CaseAction):
    """A score in spite of the quality gate."""

    serializer_class = QualityOverrideSerializer
    permission_classes = [HasPermission(Permission.OVERRIDE_QUALITY_GATE)]

    @extend_schema(
        operation_id="cases_quality_override",
        summary="Score a radiograph in spite of the quality gate",
        responses=answers(CaseSummarySerializer, 400, 404, 409, status=202),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        case = self.case(request, pk)
        quality_override.override_quality_gate(
            case=case, by=actor(request), now=timezone.now(), **self.sent(request)
        )
        return self.queued(request, pk)


class CasePcr(CaseAction):
    """RT-PCR results of a case."""

    serializer_class: Any = PcrSerializer
    permission_classes = [HasPermission(Permission.SEE_CASES), HasPermission(Permission.UPLOAD)]

    @extend_schema(
        operation_id="cases_pcr",
        summary="Record an RT-PCR result",
        description="A reader who may still read the radiograph blind cannot record one.",
        responses=answers(PcrSerializer, 400, 404, status=201),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        case = self.case(request, pk)
        stored = pcr.record_pcr(case=case, by=actor(request), now=timezone.now(), **self.sent(request))
        return Response(PcrSerializer(stored).data, status=201)


class CasesAction(CaseAction):
    """An action on several cases."""

    serializer_class: Any = CasesSerializer

    def selected(self, request: Request) -> tuple[QuerySet[Case], dict[str, Any]]:
        """Return the visible cases of the input, and its other fields."""
        sent = self.sent(request)
        return selectors.visible_to(actor(request)).filter(pk__in=sent.pop("cases")), sent


class CasesPriority(CasesAction):
    """The priority of cases."""

    serializer_class = PrioritySerializer
    permission_classes = [HasPermission(Permission.ASSIGN)]

    @extend_schema(
        operation_id="cases_priority",
        summary="Set the priority of cases",
        responses=answers(ChangedSerializer, 400),
    )
    def post(self, request: Request) -> Response:
        cases, sent = self.selected(request)
        wanted = Priority(sent["priority"])
        changed = priority.set_priority(cases=cases, priority=wanted, by=actor(request), now=timezone.now())
        return Response({"changed": changed})


class CasesRetry(CasesAction):
    """New predictions by the active version."""

    permission_classes = [HasPermission(Permission.SEE_CASES), HasPermission(Permission.RETRY)]

    @extend_schema(
        operation_id="cases_retry_many",
        summary="Run AI again for cases",
        description="A case that has a result of the active version, or is withdrawn, does not change.",
        responses=answers(ChangedSerializer, 400, 409),
    )
    def post(self, request: Request) -> Response:
        cases, _sent = self.selected(request)
        result = bulk_retry.retry_many(cases=cases, by=actor(request), now=timezone.now())
        return Response({"changed": result.queued})


class CasesWithdraw(CasesAction):
    """The withdrawal of cases."""

    serializer_class = WithdrawSerializer
    permission_classes = [HasPermission(Permission.CORRECT)]

    @extend_schema(
        operation_id="cases_withdraw",
        summary="Withdraw cases",
        responses=answers(ChangedSerializer, 400),
    )
    def post(self, request: Request) -> Response:
        cases, sent = self.selected(request)
        changed = bulk_withdrawal.withdraw_many(cases=cases, by=actor(request), now=timezone.now(), **sent)
        return Response({"changed": changed})
