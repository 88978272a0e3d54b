"""Input and output of the API of model versions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnostics.registry import promotion_gate, selectors
from diagnostics.registry.models import ModelVersion, Verdict
from diagnostics.registry.presenters.comparison import rule_label
from diagnostics.registry.presenters.versions import leak_text
from diagnostics.registry.promotion_gate import GateRule
from diagnostics.registry.selectors import VersionStatus
from diagnostics.registry.trust_report import StoredCheck, TrustReport

OUTCOMES = [choice for choice in Verdict.choices if choice[0] != Verdict.NONE]


class GateRuleSerializer(serializers.Serializer[GateRule]):
    """One rule of the promotion gate with its figures."""

    name = serializers.CharField(help_text="To be acknowledged by an override unless accepted")
    title = serializers.SerializerMethodField()
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Lower bound of the interval")
    high = serializers.FloatField(allow_null=True)
    threshold = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField(help_text="Radiographs that the value depends on")
    detail = serializers.CharField()

    def get_title(self, rule: GateRule) -> str:
        return rule_label(rule.name)


class FailedCheckSerializer(serializers.Serializer[Any]):
    """A blocking trust check that failed."""

    id = serializers.CharField(help_text="To be acknowledged by an override")
    name = serializers.CharField()
    summary = serializers.CharField()


class GateSerializer(serializers.Serializer[Any]):
    """The verdict of the promotion gate."""

    outcome = serializers.ChoiceField(choices=OUTCOMES)
    passed = serializers.BooleanField(help_text="Whether the version can be promoted without an override")
    rules = GateRuleSerializer(many=True)
    failed_checks = FailedCheckSerializer(many=True)
    to_acknowledge = serializers.ListField(
        child=serializers.CharField(), help_text="Names that an override must acknowledge"
    )


class VersionSerializer(serializers.Serializer[ModelVersion]):
    """A model version."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    name = serializers.SerializerMethodField(help_text="As in the field `version` of predictions")
    status = serializers.SerializerMethodField(help_text="`retired`: it was active before")
    gate = serializers.SerializerMethodField()
    operating_points = serializers.SerializerMethodField(
        help_text="Threshold by finding, of the newest deployment or of the version itself"
    )
    operating_choice = serializers.SerializerMethodField(
        help_text="How the operating point of the newest deployment was chosen; empty for its own thresholds"
    )
    gate_overridden = serializers.SerializerMethodField(help_text="Promoted in spite of the gate")
    leaks = serializers.SerializerMethodField(
        help_text="Failed leak and shortcut checks, and the reason to train in spite of them; may be empty"
    )
    registered_at = serializers.DateTimeField()
    research_use = serializers.SerializerMethodField()

    def get_name(self, version: ModelVersion) -> str:
        return str(version)

    @extend_schema_field(serializers.ChoiceField(choices=VersionStatus.choices))
    def get_status(self, version: ModelVersion) -> str:
        return selectors.status_of(version)

    @extend_schema_field(GateSerializer)
    def get_gate(self, version: ModelVersion) -> dict[str, Any]:
        return dict(GateSerializer(promotion_gate.gate_today(version)).data)

    @extend_schema_field(serializers.DictField(child=serializers.FloatField()))
    def get_operating_points(self, version: ModelVersion) -> dict[str, float]:
        return selectors.deployed_points(version)

    @extend_schema_field(serializers.DictField())
    def get_operating_choice(self, version: ModelVersion) -> dict[str, Any]:
        newest = next(iter(version.promotions.all()), None)
        return newest.operating_choice if newest else {}

    def get_gate_overridden(self, version: ModelVersion) -> bool:
        return version.overridden_at is not None

    def get_leaks(self, version: ModelVersion) -> str:
        return leak_text(version)

    def get_research_use(self, version: ModelVersion) -> str:
        return "Research use only. Not for diagnosis."


class ReasonSerializer(serializers.Serializer[Any]):
    """The reason of a change of the active version."""

    reason = serializers.CharField(max_length=1000, help_text="At least 10 characters")


class PromoteSerializer(ReasonSerializer):
    """A promotion."""

    operating_point = serializers.JSONField(
        required=False,
        allow_null=True,
        default=None,
        help_text="`sensitivity`, `specificity` or `threshold` of the target finding, or thresholds by "
        "finding; optionally `prevalence`. A number is a threshold. Null: the version keeps its thresholds",
    )
    override = serializers.BooleanField(default=False, help_text="Promote in spite of the gate")
    acknowledged = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        default=list,
        help_text="With `override`: every name of `gate.to_acknowledge`",
    )


class TrustCheckSerializer(serializers.Serializer[StoredCheck]):
    """The result of one trust check."""

    id = serializers.CharField()
    name = serializers.CharField()
    group = serializers.CharField()
    blocking = serializers.BooleanField()
    status = serializers.CharField(help_text="PASS, WARN, FAIL or NOT_POSSIBLE")
    failed = serializers.BooleanField(help_text="Also where `not possible` counts as a failure")
    summary = serializers.CharField()
    threshold = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True, help_text="95 %")
    n = serializers.IntegerField()


class TrustReportSerializer(serializers.Serializer[TrustReport]):
    """The trust report of a version."""

    verdict = serializers.CharField()
    failed = serializers.ListField(
        child=serializers.CharField(), help_text="Ids of the failed blocking checks"
    )
    checks = TrustCheckSerializer(many=True)
    excluded = serializers.ListField(child=serializers.CharField(), help_text="Why radiographs were not used")
