"""Input and output of the API of reading policies, reference cases and reader quality."""

from __future__ import annotations

from math import isnan
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnostics.review.models import REFERENCE_FINDINGS, ReadingPolicy, ReferenceBasis, ReferenceCase
from diagnostics.review.proportion import Proportion


class ReadingPolicySerializer(serializers.Serializer[ReadingPolicy]):
    """The reading policy of a site; a change names every field."""

    double_read_percent = serializers.IntegerField(min_value=0, max_value=100)
    triage_by_score = serializers.BooleanField()
    reference_percent = serializers.IntegerField(min_value=0, max_value=50)
    repeat_percent = serializers.IntegerField(min_value=0, max_value=50)
    has_active_learning_queue = serializers.BooleanField()
    uncertain_percent = serializers.IntegerField(min_value=0, max_value=100)
    contradicted_percent = serializers.IntegerField(min_value=0, max_value=100)
    novel_percent = serializers.IntegerField(min_value=0, max_value=100)
    stat_minutes = serializers.IntegerField(source="site.stat_minutes")
    urgent_minutes = serializers.IntegerField(source="site.urgent_minutes")
    routine_minutes = serializers.IntegerField(source="site.routine_minutes")
    technicians_see_predictions = serializers.BooleanField(source="site.technicians_see_predictions")
    administrators_see_predictions = serializers.BooleanField(source="site.administrators_see_predictions")


class ReferenceStandardSerializer(serializers.Serializer[Any]):
    """The reference standard of a case."""

    finding = serializers.ChoiceField(choices=REFERENCE_FINDINGS)
    basis = serializers.ChoiceField(choices=ReferenceBasis.choices)


class ReferenceCaseSerializer(serializers.Serializer[ReferenceCase]):
    """A reference case, and how many readers have been served and have read its control cases."""

    case = serializers.UUIDField(source="case_id")
    finding = serializers.ChoiceField(choices=REFERENCE_FINDINGS)
    basis = serializers.ChoiceField(choices=ReferenceBasis.choices)
    set_by = serializers.CharField(source="by.username")
    at = serializers.DateTimeField()
    retired_at = serializers.DateTimeField(allow_null=True)


class ProportionSerializer(serializers.Serializer[Proportion]):
    """A proportion as its counts."""

    count = serializers.IntegerField()
    total = serializers.IntegerField()


class AgreementSerializer(serializers.Serializer[Any]):
    """A coefficient of agreement."""

    value = serializers.SerializerMethodField(help_text="Null: not defined for these readings")
    cases = serializers.IntegerField()

    @extend_schema_field(serializers.FloatField(allow_null=True))
    def get_value(self, agreement: Any) -> float | None:
        return None if isnan(agreement.value) else float(agreement.value)


class PairSerializer(serializers.Serializer[Any]):
    """The agreement of two readers."""

    first = serializers.CharField()
    second = serializers.CharField()
    same = serializers.IntegerField()
    kappa = AgreementSerializer()


class InterReaderSerializer(serializers.Serializer[Any]):
    """Inter-reader agreement of first readings."""

    krippendorff_alpha = AgreementSerializer(source="alpha")
    fleiss_kappa = AgreementSerializer(source="fleiss", help_text="Cases with exactly two readings")
    pairs = PairSerializer(many=True)


class IntraReaderSerializer(serializers.Serializer[Any]):
    """Intra-reader agreement of one reader."""

    reader = serializers.CharField()
    same = serializers.IntegerField()
    kappa = AgreementSerializer()


class ReferencePerformanceSerializer(serializers.Serializer[Any]):
    """One reader against the reference standard."""

    reader = serializers.CharField()
    sensitivity = ProportionSerializer()
    specificity = ProportionSerializer()
    cannot_judge = serializers.IntegerField()


class AutomationBiasSerializer(serializers.Serializer[Any]):
    """The effect of AI results on readings."""

    assisted = serializers.IntegerField(help_text="Readings confirmed or changed after the AI result")
    contradicted = serializers.IntegerField()
    changed = serializers.IntegerField()
    towards_final = serializers.IntegerField()
    away_from_final = serializers.IntegerField()
    misled = serializers.IntegerField(help_text="Changed from a correct finding to that of a wrong AI result")
    correct_against_wrong_ai = serializers.IntegerField(help_text="The total of `misled`")


class ReaderQualitySerializer(serializers.Serializer[Any]):
    """Reader quality at the user's sites."""

    inter_reader = InterReaderSerializer()
    intra_reader = IntraReaderSerializer(many=True)
    reference_performance = ReferencePerformanceSerializer(many=True)
    ai_effect = AutomationBiasSerializer()
