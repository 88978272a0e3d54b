"""API of reading policies, reference cases and reader quality."""

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

from diagnostics.accounts.models import Site
from diagnostics.accounts.permissions import HasPermission, actor
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.selectors import home_site
from diagnostics.accounts.serializers import answers, form_errors
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.review.forms.reading_policy import PolicyForm
from diagnostics.review.models import ReferenceCase
from diagnostics.review.selectors import automation_bias, reader_agreement, reader_performance
from diagnostics.review.selectors import reading_policy as policies
from diagnostics.review.selectors import reference_cases as selectors
from diagnostics.review.serializers.quality import (
    ReaderQualitySerializer,
    ReadingPolicySerializer,
    ReferenceCaseSerializer,
    ReferenceStandardSerializer,
)
from diagnostics.review.services import kept_figures, reading_policy, reference_cases


class SiteReadingPolicy(APIView):
    """The reading policy of a site."""

    permission_classes = [HasPermission(Permission.MANAGE_READERS)]

    @extend_schema(
        operation_id="reading_policy_read",
        summary="Read the reading policy of a site",
        responses=answers(ReadingPolicySerializer, 404),
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(ReadingPolicySerializer(policies.policy_of(_site(request, pk))).data)

    @extend_schema(
        operation_id="reading_policy_set",
        summary="Set the reading policy of a site",
        description="Applies to cases without a reading.",
        request=ReadingPolicySerializer,
        responses=answers(ReadingPolicySerializer, 400, 404),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        site, sent = _site(request, pk), ReadingPolicySerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields: dict[str, Any] = dict(sent.validated_data)
        form = PolicyForm(fields | fields.pop("site"))
        if not form.is_valid():
            raise ValidationError(form_errors(form))
        stored = reading_policy.set_policy(
            site=site, policy=form.policy, site_rules=form.site_rules, by=actor(request), now=timezone.now()
        )
        return Response(ReadingPolicySerializer(stored).data)


class ReferenceCases(GenericAPIView[ReferenceCase]):
    """The reference cases of the user's sites."""

    queryset = ReferenceCase.objects.none()  # for the schema
    serializer_class = ReferenceCaseSerializer
    permission_classes = [HasPermission(Permission.MANAGE_READERS)]

    @extend_schema(
        operation_id="reference_cases_list",
        summary="List reference cases",
        responses=answers(ReferenceCaseSerializer(many=True), 400),
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(selectors.reference_cases(actor(request))) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class CaseReferenceStandard(APIView):
    """The reference standard of a case."""

    permission_classes = [HasPermission(Permission.MANAGE_READERS)]

    @extend_schema(
        operation_id="cases_reference_standard",
        summary="Set the reference standard of a case",
        description="The case is then never used for training.",
        request=ReferenceStandardSerializer,
        responses=answers(ReferenceCaseSerializer, 400, 404, 409),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        case, sent = _case(request, pk), ReferenceStandardSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        stored = reference_cases.set_reference_case(
            case=case, by=actor(request), now=timezone.now(), **sent.validated_data
        )
        return Response(ReferenceCaseSerializer(stored).data)


class CaseRetireReference(APIView):
    """The retirement of a reference case."""

    permission_classes = [HasPermission(Permission.MANAGE_READERS)]

    @extend_schema(
        operation_id="cases_retire_reference",
        summary="Retire a reference case",
        request=None,
        responses=answers(None, 404, status=204),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        case = _case(request, pk)
        reference_cases.retire_reference_case(case=case, by=actor(request), now=timezone.now())
        return Response(status=204)


class ReaderQuality(APIView):
    """Reader quality at the user's sites."""

    permission_classes = [HasPermission(Permission.MANAGE_READERS)]

    @extend_schema(
        operation_id="reader_quality_read",
        summary="Read inter-reader and intra-reader agreement, and the effect of AI results",
        responses=answers(ReaderQualitySerializer),
    )
    def get(self, request: Request) -> Response:
        user = actor(request)
        home_site(user)  # who works at no site is told so
        kept_figures.bring_up_to_date()
        measured = {
            "inter_reader": reader_agreement.agreement_of_readers(user),
            "intra_reader": reader_performance.intra_reader_agreement(user),
            "reference_performance": reader_performance.reference_performance(user),
            "ai_effect": automation_bias.automation_bias(user),
        }
        return Response(ReaderQualitySerializer(measured).data)


def _site(request: Request, pk: UUID) -> Site:
    return get_object_or_404(actor(request).sites, pk=pk)


def _case(request: Request, pk: UUID) -> Case:
    return get_object_or_404(visible_to(actor(request)), pk=pk)
