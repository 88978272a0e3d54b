"""Input of actions on cases."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from diagnostics.cases.models import PcrOutcome, PcrResult, Priority

MAX_CASES: Final = 200  # of one request


class CasesSerializer(serializers.Serializer[Any]):
    """The cases of an action; those that the user may not see are left out."""

    cases = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MAX_CASES)


class PrioritySerializer(CasesSerializer):
    """A priority for cases."""

    priority = serializers.ChoiceField(choices=Priority.choices)


class WithdrawSerializer(CasesSerializer):
    """The withdrawal of cases."""

    reason = serializers.CharField(help_text="5 to 200 characters; kept with each case")


class ChangedSerializer(serializers.Serializer[Any]):
    """How many cases an action has changed."""

    changed = serializers.IntegerField()


class QualityOverrideSerializer(serializers.Serializer[Any]):
    """Why a radiograph is scored in spite of the quality gate."""

    reason = serializers.CharField(help_text="5 to 200 characters, without the patient reference")


class PcrSerializer(serializers.Serializer[PcrResult]):
    """An RT-PCR result."""

    result = serializers.ChoiceField(choices=PcrOutcome.choices)
    taken_on = serializers.DateField(default=None, allow_null=True, help_text="Day of the sample")
