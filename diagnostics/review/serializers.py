"""The shape of readings in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diagnostics.findings import Finding
from diagnostics.review.models import Confidence, Reading
from diagnostics.review.services.readings import MAX_NOTE_LENGTH


class NewReadingSerializer(serializers.Serializer[Any]):
    """What a radiologist signs."""

    finding = serializers.ChoiceField(choices=Finding.choices)
    confidence = serializers.ChoiceField(choices=Confidence.choices, default=Confidence.SURE)
    note = serializers.CharField(default="", allow_blank=True, max_length=MAX_NOTE_LENGTH)


class ReadingSerializer(serializers.ModelSerializer[Reading]):
    """A reading on record."""

    by = serializers.CharField(source="by.username")
    superseded = serializers.SerializerMethodField(help_text="An amendment has taken its place.")

    class Meta:
        model = Reading
        fields = ["id", "finding", "confidence", "note", "signed_at", "by", "superseded"]

    def get_superseded(self, reading: Reading) -> bool:
        return hasattr(reading, "superseded_by")
