"""How the API says no, also where no view of it was reached."""

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

from diagnostics.errors import DomainError, NotAllowed

API = "/api/"


def api_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn a refusal into {"code", "detail"}; None lets an unforeseen error become a 500."""
    if isinstance(error, DomainError):
        return Response({"code": error.code, "detail": str(error)}, status=_status(error))
    if isinstance(error, SuspiciousOperation):
        return Response(_suspicious(error), status=status.HTTP_400_BAD_REQUEST)
    response = exception_handler(error, context)
    if response is None or isinstance(error, ValidationError):
        return _with_code(response, "invalid")
    return _with_code(response, "not_found" if isinstance(error, Http404) else _code(error))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Refuse what Django would not even read."""
    if request.path.startswith(API):
        return JsonResponse(_suspicious(exception), status=status.HTTP_400_BAD_REQUEST)
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Say that nothing is there: in JSON to a script that mistyped an address."""
    if request.path.startswith(API):
        said = {"code": "not_found", "detail": _("There is nothing at this address.")}
        return JsonResponse(said, status=status.HTTP_404_NOT_FOUND)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Admit an error nobody foresaw; what it was is for the log."""
    if request.path.startswith(API):
        said = {"code": "internal", "detail": _("Something went wrong that nobody foresaw.")}
        return JsonResponse(said, status=status.HTTP_500_INTERNAL_SERVER_ERROR)
    return defaults.server_error(request)


def _suspicious(error: Exception) -> dict[str, str]:
    if isinstance(error, RequestDataTooBig):
        return {"code": "too_large", "detail": _("The request is too large.")}
    return {"code": "refused", "detail": _("The request is not one that we read.")}


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
