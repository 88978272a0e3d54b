"""How the API says no."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from diagnostics.base import DomainError, NotAllowed


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn a refusal into {"code", "detail"}; None lets an unforeseen error become a 500."""
    if isinstance(error, DomainError):
        return Response({"code": error.code, "detail": str(error)}, status=_status(error))
    response = exception_handler(error, context)
    if response is None or isinstance(error, ValidationError):
        return _with_code(response, "invalid")
    return _with_code(response, "not_found" if isinstance(error, Http404) else _code(error))


def _status(error: DomainError) -> int:
    usual = status.HTTP_403_FORBIDDEN if isinstance(error, NotAllowed) else status.HTTP_400_BAD_REQUEST
    return int(getattr(error, "status", usual))


def _code(error: Exception) -> str:
    codes = error.get_codes() if isinstance(error, APIException) else "not_allowed"
    return codes if isinstance(codes, str) else "refused"


def _with_code(response: Response | None, code: str) -> Response | None:
    if response is not None:
        body = response.data if isinstance(response.data, dict) else {"errors": response.data}
        response.data = {"code": code, "detail": body.pop("detail", "The request is not valid.")} | (
            {"errors": body.get("errors", body)} if body else {}
        )
    return response
