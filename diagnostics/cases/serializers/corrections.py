"""Input and output of corrections."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diagnostics.cases.models import Correction, CorrectionKind


class CorrectionSerializer(serializers.Serializer[Any]):
    """A correction of a case."""

    kind = serializers.ChoiceField(
        choices=[(kind.value, kind.label) for kind in CorrectionKind if kind != CorrectionKind.BIRTH_DATE]
    )
    value = serializers.CharField(
        default="",
        allow_blank=True,
        help_text="The right reference, accession number, view, or study date in ISO 8601; "
        "empty for `withdraw` and `reinstate`. `merge` gives all cases of the patient this reference",
    )
    reason = serializers.CharField(help_text="5 to 200 characters; kept with the old value")


class StoredCorrectionSerializer(serializers.Serializer[Correction]):
    """A correction that was stored; old and new value are on the case's page."""

    id = serializers.UUIDField()
    case = serializers.UUIDField(source="case_id")
    kind = serializers.CharField()
    at = serializers.DateTimeField()
