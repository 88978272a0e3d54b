"""Serializers of readings."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diagnostics.findings import Finding
from diagnostics.review.models import MAX_NOTE_LENGTH, Confidence, Reading


class NewReadingSerializer(serializers.Serializer[Any]):
    """The fields of a reading to sign."""

    finding = serializers.ChoiceField(choices=Finding.choices)
    confidence = serializers.ChoiceField(choices=Confidence.choices)
    note = serializers.CharField(default="", allow_blank=True, max_length=MAX_NOTE_LENGTH)
    structured = serializers.DictField(
        default=dict,
        help_text="Structured note: the fields of the template of the finding, as in docs/reading.md.",
    )


class AmendmentSerializer(NewReadingSerializer):
    """A reading that supersedes one's own."""

    reason = serializers.CharField(max_length=1000, help_text="Why the reading is amended; kept with both")


class ReadingSerializer(serializers.ModelSerializer[Reading]):
    """A signed reading."""

    by = serializers.CharField(source="by.username")
    superseded = serializers.SerializerMethodField(help_text="Whether an amendment supersedes the reading.")

    class Meta:
        model = Reading
        fields = [
            "id",
            "kind",
            "finding",
            "confidence",
            "note",
            "structured",
            "signed_at",
            "by",
            "superseded",
        ]

    def get_superseded(self, reading: Reading) -> bool:
        return hasattr(reading, "superseded_by")
