"""Errors as pages, and as JSON below /api/, also for requests that reach no API view."""

from __future__ import annotations

import sys
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.utils.log import log_response
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from diagnostics.errors import DomainError
from webapp import request_id

API_PREFIX = "/api/"
DATABASE_UNAVAILABLE: Final = (OperationalError, InterfaceError)  # away, restarting, locked, full
RETRY_AFTER: Final = "10"  # seconds


def api_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return an expected error as {"code", "detail"}; None for an unexpected one, which becomes a 500."""
    if isinstance(error, DomainError):
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
        return Response({"code": error.code, "detail": str(error)}, status=error.status, headers=headers)
    if isinstance(error, DATABASE_UNAVAILABLE):
        return Response(_unavailable_body(), status=503, headers={"Retry-After": RETRY_AFTER})
    if isinstance(error, SuspiciousOperation):
        return Response(_bad_request_body(error), status=status.HTTP_400_BAD_REQUEST)
    response = exception_handler(error, context)
    if response is None or isinstance(error, ValidationError):
        return _with_code(response, "invalid")
    return _with_code(response, "not_found" if isinstance(error, Http404) else _code(error))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return 400 for a request that Django rejected before any view."""
    if _is_api(request):
        return JsonResponse(_bad_request_body(exception), status=400)
    return _page("400.html", 400, reason=_bad_request_body(exception)["detail"])


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return 403, as JSON below /api/."""
    if _is_api(request):
        return JsonResponse(
            {"code": "not_allowed", "detail": _("Your role does not include this.")}, status=403
        )
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return 404, as JSON below /api/."""
    if _is_api(request):
        body = {"code": "not_found", "detail": _("There is no resource at this URL.")}
        return JsonResponse(body, status=404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Return 500 without details, or 503 while the database is unavailable; the log has the error."""
    error = sys.exc_info()[1]
    if isinstance(error, DATABASE_UNAVAILABLE):
        return _unavailable(request, error)
    if _is_api(request):
        body = {"code": "internal", "detail": _("An unexpected error occurred.")}
        return JsonResponse(body, status=500)
    return _page("500.html", 500)


def _unavailable(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return 503, and log one line in place of a traceback for each request of an outage."""
    response = JsonResponse(_unavailable_body(), status=503) if _is_api(request) else _page("503.html", 503)
    response.headers["Retry-After"] = RETRY_AFTER
    name = type(error).__name__
    log_response("The database is unavailable: %s", name, response=response, request=request, level="error")
    return response


def _page(template: str, status: int, **context: str) -> HttpResponse:
    """Render an error page without user and session, which may be what failed."""
    text = render_to_string(template, {"request_id": request_id.current(), **context})
    return HttpResponse(text, status=status)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_PREFIX)


def _unavailable_body() -> dict[str, str]:
    detail = _("The database is unavailable. Nothing was saved. Try again in a moment.")
    return {"code": "unavailable", "detail": detail}


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
