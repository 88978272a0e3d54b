"""Input of an upload, and the answer to one whose fields contradict its file."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from rest_framework import serializers

from diagnostics.cases.identity import Decision
from diagnostics.cases.models import Priority, View
from diagnostics.cases.serializers.cases import ErrorSerializer
from diagnostics.cases.upload_validation import Details


class UploadSerializer(serializers.Serializer[Any]):
    """A radiograph with its fields."""

    radiograph = serializers.FileField(
        allow_empty_file=True, help_text="One radiograph as PNG, JPEG or DICOM, at most 64 MB"
    )
    patient_ref = serializers.CharField(
        default="",
        allow_blank=True,
        help_text="The site's patient reference, at most 64 characters; empty: taken from the DICOM file",
    )
    accession_number = serializers.CharField(default="", allow_blank=True, help_text="At most 64 characters")
    view = serializers.ChoiceField(
        choices=View.choices, default="", help_text="Empty: taken from the DICOM file"
    )
    priority = serializers.ChoiceField(choices=Priority.choices, default=Priority.ROUTINE)
    patient_name = serializers.CharField(default="", allow_blank=True, help_text='"Family, Given"')
    birth_date = serializers.DateField(default=None, allow_null=True)
    sex = serializers.CharField(default="", allow_blank=True, help_text="F, M, O or empty")
    study_date = serializers.DateField(default=None, allow_null=True)
    referrer = serializers.CharField(default="", allow_blank=True)
    clinical_question = serializers.CharField(default="", allow_blank=True)
    use = serializers.ChoiceField(
        choices=["form", "file"],
        default="",
        allow_blank=True,
        help_text="Which one is right where fields and file contradict; needs a reason",
    )
    reason = serializers.CharField(default="", allow_blank=True, help_text="5 to 200 characters")

    def admission(self) -> dict[str, Any]:
        """Return the arguments of `admission.open_case` of valid input."""
        sent = dict(self.validated_data)
        use, reason = sent.pop("use"), sent.pop("reason")
        details = Details(**{field.name: sent.pop(field.name) for field in fields(Details)})
        return sent | {"details": details, "decision": Decision(use, reason) if use else None}


class ContradictionSerializer(serializers.Serializer[Any]):
    """A field for which form and file state different values."""

    field = serializers.CharField()
    form = serializers.CharField(required=False, help_text="Only for a token with the scope `identifiers`")
    file = serializers.CharField(required=False, help_text="Only for a token with the scope `identifiers`")


class ConflictSerializer(ErrorSerializer):
    """The reason why an upload was refused, with the contradictions between form and file."""

    contradictions = ContradictionSerializer(many=True, required=False)
