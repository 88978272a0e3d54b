"""Output that every part of the API has."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ErrorSerializer(serializers.Serializer[Any]):
    """The reason why a request was refused."""

    code = serializers.CharField(help_text="Stable error code")
    detail = serializers.CharField(help_text="Message in the user's language")
