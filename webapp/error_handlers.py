"""Errors as pages, and as problem details (RFC 9457) under /api/, also where no API view is reached."""

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
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from diagnostics.errors import DomainError
from diagnostics.problems import CONTENT_TYPE, problem
from webapp import request_id

API_PREFIX = "/api/"
DATABASE_UNAVAILABLE: Final = (OperationalError, InterfaceError)  # away, restarting, locked, full
RETRY_AFTER: Final = "10"  # seconds


def api_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return an expected error as problem details; None for an unexpected one, which becomes a 500."""
    if isinstance(error, DomainError):
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
        return _api_problem(problem(error.code, str(error), error.status, **error.members()), headers)
    if isinstance(error, DATABASE_UNAVAILABLE):
        return _api_problem(_unavailable_body(), {"Retry-After": RETRY_AFTER})
    if isinstance(error, SuspiciousOperation):
        return _api_problem(_bad_request_body(error))
    response = exception_handler(error, context)
    if response is None:
        return None
    invalid = "invalid" if isinstance(error, ValidationError) else ""
    return _as_problem(response, invalid or ("not_found" if isinstance(error, Http404) else _code(error)))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return 400 for a request that Django rejected before any view."""
    if is_api(request):
        return problem_response(_bad_request_body(exception))
    return _page("400.html", 400, reason=_bad_request_body(exception)["detail"])


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return 403, as problem details below /api/."""
    if is_api(request):
        return problem_response(problem("not_allowed", _("Your role does not include this."), 403))
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return 404, as problem details below /api/."""
    if is_api(request):
        return problem_response(problem("not_found", _("There is no resource at this URL."), 404))
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Return 500 without details, or 503 while the database is unavailable; the log has the error."""
    error = sys.exc_info()[1]
    if isinstance(error, DATABASE_UNAVAILABLE):
        return _unavailable(request, error)
    if is_api(request):
        return problem_response(problem("internal", _("An unexpected error occurred."), 500))
    return _page("500.html", 500)


def is_api(request: HttpRequest) -> bool:
    """Return whether errors of this request are problem details."""
    return request.path.startswith(API_PREFIX)


def problem_response(body: dict[str, Any]) -> JsonResponse:
    """Return problem details as a response, for code that runs outside an API view."""
    return JsonResponse(body, status=body["status"], content_type=CONTENT_TYPE)


def _unavailable(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return 503, and log one line in place of a traceback for each request of an outage."""
    response = problem_response(_unavailable_body()) if is_api(request) else _page("503.html", 503)
    response.headers["Retry-After"] = RETRY_AFTER
    name = type(error).__name__
    log_response("The database is unavailable: %s", name, response=response, request=request, level="error")
    return response


def _page(template: str, status: int, **context: str) -> HttpResponse:
    """Render an error page without user and session, which may be what failed."""
    text = render_to_string(template, {"request_id": request_id.current(), **context})
    return HttpResponse(text, status=status)


def _unavailable_body() -> dict[str, Any]:
    detail = _("The database is unavailable. Nothing was saved. Try again in a moment.")
    return problem("unavailable", detail, 503)


def _bad_request_body(error: Exception) -> dict[str, Any]:
    if isinstance(error, RequestDataTooBig):
        return problem("too_large", _("The request is too large."), 400)
    return problem("refused", _("The request is malformed."), 400)


def _code(error: Exception) -> str:
    codes = error.get_codes() if isinstance(error, APIException) else "not_allowed"
    return codes if isinstance(codes, str) else "refused"


def _api_problem(body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def _as_problem(response: Response, code: str) -> Response:
    """Turn a response of REST framework into problem details; its headers stay."""
    body = response.data if isinstance(response.data, dict) else {"errors": response.data}
    detail = str(body.pop("detail", _("The request is not valid.")))
    errors = {"errors": body.get("errors", body)} if body else {}
    response.data = problem(code, detail, response.status_code, **errors)
    response.content_type = CONTENT_TYPE
    return response
