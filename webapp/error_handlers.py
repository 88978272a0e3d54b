"""Errors of the API as JSON, also for requests that reach no API view."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from diagnostics.errors import DomainError

API_PREFIX = "/api/"


def api_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return an expected error as {"code", "detail"}; None for an unexpected one, which becomes a 500."""
    if isinstance(error, DomainError):
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
        return Response({"code": error.code, "detail": str(error)}, status=error.status, headers=headers)
    if isinstance(error, SuspiciousOperation):
        return Response(_bad_request_body(error), status=status.HTTP_400_BAD_REQUEST)
    response = exception_handler(error, context)
    if response is None or isinstance(error, ValidationError):
        return _with_code(response, "invalid")
    return _with_code(response, "not_found" if isinstance(error, Http404) else _code(error))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return 400 for a request that Django rejected before any view."""
    if request.path.startswith(API_PREFIX):
        return JsonResponse(_bad_request_body(exception), status=status.HTTP_400_BAD_REQUEST)
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return 404, as JSON below /api/."""
    if request.path.startswith(API_PREFIX):
        body = {"code": "not_found", "detail": _("There is no resource at this URL.")}
        return JsonResponse(body, status=status.HTTP_404_NOT_FOUND)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Return 500 without details; the log has the traceback."""
    if request.path.startswith(API_PREFIX):
        body = {"code": "internal", "detail": _("An unexpected error occurred.")}
        return JsonResponse(body, status=status.HTTP_500_INTERNAL_SERVER_ERROR)
    return defaults.server_error(request)


def _bad_request_body(error: Exception) -> dict[str, str]:
    if isinstance(error, RequestDataTooBig):
        return {"code": "too_large", "detail": _("The request is too large.")}
    return {"code": "refused", "detail": _("The request is malformed.")}


def _code(error: Exception) -> str:
    codes = error.get_codes() if isinstance(error, APIException) else "not_allowed"
    return codes if isinstance(codes, str) else "refused"


def _with_code(response: Response | None, code: str) -> Response | None:
    if response is not None:
        body = response.data if isinstance(response.data, dict) else {"errors": response.data}
        response.data = {"code": code, "detail": body.pop("detail", _("The request is not valid."))} | (
            {"errors": body.get("errors", body)} if body else {}
        )
    return response
