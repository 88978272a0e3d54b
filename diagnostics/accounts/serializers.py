"""Output that every part of the API has."""

from __future__ import annotations

from typing import Any

from django.forms import BaseForm
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


def answers(success: Any, *refusals: int, status: int = 200) -> dict[int, Any]:
    """Return the documented responses of an operation: its success, the missing login, and these refusals."""
    return {status: success} | dict.fromkeys(sorted({401, 403, *refusals}), ErrorSerializer)


def form_errors(form: BaseForm) -> dict[str, list[str]]:
    """Return the messages of an invalid form by field, for a ValidationError of the API."""
    return {name: [str(message) for message in messages] for name, messages in form.errors.items()}
