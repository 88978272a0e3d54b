"""Input and output of the API of shadow runs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnostics.monitoring.models import ShadowEnd, ShadowRun
from diagnostics.monitoring.selectors.shadow import counts_by_status
from diagnostics.monitoring.selectors.shadow_comparison import ComparedCase, Comparison

RESEARCH_USE = "Research use only. Not for diagnosis."


class ShadowCountsSerializer(serializers.Serializer[Any]):
    """Jobs of a shadow run by status."""

    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()


class ShadowSideSerializer(serializers.Serializer[Any]):
    """The result of one version for a case."""

    score = serializers.FloatField(help_text="Probability of the target finding")
    finding = serializers.CharField(help_text="At the operating point")
    flagged = serializers.BooleanField()
    outcome = serializers.CharField(allow_blank=True)


class DisagreementSerializer(serializers.Serializer[ComparedCase]):
    """A case whose finding differs between the versions."""

    case = serializers.UUIDField(source="case.pk")
    active = ShadowSideSerializer()
    shadow = ShadowSideSerializer()


class MatrixCellSerializer(serializers.Serializer[Any]):
    """How many cases have a pair of findings."""

    active = serializers.CharField()
    shadow = serializers.CharField()
    cases = serializers.IntegerField()


class ShadowComparisonSerializer(serializers.Serializer[Comparison]):
    """The scores of a shadow run compared with those of the active version."""

    target = serializers.CharField()
    compared = serializers.SerializerMethodField()
    hidden = serializers.IntegerField(help_text="Scored cases of other sites, or with a withheld AI result")
    same_finding = serializers.IntegerField(source="agreement.count")
    too_few = serializers.BooleanField(source="agreement.too_few", help_text="Below 30 cases")
    matrix = serializers.SerializerMethodField()
    disagreements = DisagreementSerializer(many=True)

    def get_compared(self, comparison: Comparison) -> int:
        return len(comparison.compared)

    @extend_schema_field(MatrixCellSerializer(many=True))
    def get_matrix(self, comparison: Comparison) -> list[dict[str, Any]]:
        return [
            {"active": active, "shadow": shadow, "cases": count}
            for (active, shadow), count in sorted(comparison.matrix.items())
        ]


class ShadowRunSerializer(serializers.Serializer[ShadowRun]):
    """A shadow run; with a comparison where the context has one."""

    id = serializers.UUIDField()
    version = serializers.UUIDField(source="version_id")
    against = serializers.SerializerMethodField(help_text="Name of the active version")
    open = serializers.SerializerMethodField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    end = serializers.ChoiceField(choices=ShadowEnd.choices, allow_blank=True)
    counts = serializers.SerializerMethodField()
    comparison = serializers.SerializerMethodField()
    research_use = serializers.SerializerMethodField()

    def get_against(self, run: ShadowRun) -> str:
        return str(run.against.version)

    def get_open(self, run: ShadowRun) -> bool:
        return run.ended_at is None

    @extend_schema_field(ShadowCountsSerializer)
    def get_counts(self, run: ShadowRun) -> dict[str, int]:
        return counts_by_status(run.pk)

    @extend_schema_field(ShadowComparisonSerializer(allow_null=True))
    def get_comparison(self, run: ShadowRun) -> dict[str, Any] | None:
        comparison = self.context.get("comparison")
        return dict(ShadowComparisonSerializer(comparison).data) if comparison else None

    def get_research_use(self, run: ShadowRun) -> str:
        return RESEARCH_USE


class SelectedCasesSerializer(serializers.Serializer[Any]):
    """Cases for the active-learning queue."""

    cases = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=100)
