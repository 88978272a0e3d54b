"""The id of a request, which the log lines, the error pages and the response share."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER: Final = "X-Request-ID"
NO_REQUEST: Final = "-"
ACCEPTED = re.compile(r"[A-Za-z0-9_.-]{8,64}", re.ASCII)

_current: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)


def current() -> str:
    """Return the id of the request that this thread answers, or "-" outside a request."""
    return _current.get()


def template_context(request: HttpRequest) -> dict[str, str]:
    """Return the id for templates, as `request_id`."""
    return {"request_id": current()}


class RequestId:
    """Give each request an id: the one of a trusted proxy, else a new one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = _given_by_proxy(request) or uuid.uuid4().hex
        token = _current.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            _current.reset(token)
        response[HEADER] = request_id
        return response


class AddRequestId(logging.Filter):
    """Add the id of the request to each log record without one, as `request_id`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: every record is logged."""
        if not hasattr(record, "request_id"):
            record.request_id = current()
        return True


def _given_by_proxy(request: HttpRequest) -> str:
    """Return the id that the nearest proxy sent; a client's own id could forge the entries of others."""
    given = request.headers.get(HEADER, "")
    return given if settings.PROXIES > 0 and ACCEPTED.fullmatch(given) else ""
