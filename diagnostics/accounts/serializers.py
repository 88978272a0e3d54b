"""Output that every part of the API has."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ErrorSerializer(serializers.Serializer[Any]):
    """The reason why a request was refused, as problem details (RFC 9457)."""

    type = serializers.CharField(help_text="`urn:readroom:problem:` and the code")
    title = serializers.CharField(help_text="The status in words")
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable error code")
    detail = serializers.CharField(help_text="Message in the user's language")
    errors = serializers.JSONField(  # type: ignore[assignment]
        required=False, help_text="The messages of each invalid field"
    )
