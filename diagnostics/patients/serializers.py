"""Input and output of the API of identity conflicts."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnostics.patients.models import ConflictKind, IdentityConflict, Resolution
from diagnostics.patients.presenters import masked_reference


class ConflictIdentitySerializer(serializers.Serializer[IdentityConflict]):
    """What the two records state."""

    reference = serializers.CharField()
    other_reference = serializers.CharField()
    known = serializers.CharField()
    found = serializers.CharField()


class IdentityConflictSerializer(serializers.Serializer[IdentityConflict]):
    """A contradiction between two records of a site."""

    id = serializers.UUIDField()
    site = serializers.UUIDField(source="site_id")
    kind = serializers.ChoiceField(choices=ConflictKind.choices)
    patient_ref = serializers.SerializerMethodField(help_text="Masked")
    identity = serializers.SerializerMethodField(help_text="Null without the scope `identifiers`")
    found_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolution = serializers.ChoiceField(choices=Resolution.choices, allow_blank=True)

    def get_patient_ref(self, conflict: IdentityConflict) -> str:
        return masked_reference(conflict.site, conflict.reference)

    @extend_schema_field(ConflictIdentitySerializer(allow_null=True))
    def get_identity(self, conflict: IdentityConflict) -> dict[str, Any] | None:
        if not self.context.get("identifiers"):
            return None
        return dict(ConflictIdentitySerializer(conflict).data)


class ResolveSerializer(serializers.Serializer[Any]):
    """The resolution of a conflict."""

    resolution = serializers.ChoiceField(choices=Resolution.choices)
    reason = serializers.CharField(help_text="5 to 200 characters")
