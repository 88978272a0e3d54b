"""One metric and one log line for each request: the view, the status and the duration, never the query."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram
from structlog.contextvars import bind_contextvars, clear_contextvars

UNRESOLVED: Final = "unresolved"
QUIET: Final = frozenset(
    {"health", "health-live", "health-ready", "metrics", UNRESOLVED}
)  # logged only when something fails
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds

SECONDS = Histogram("readroom_request_seconds", "Duration of requests.", ["view", "method"], buckets=BUCKETS)
REQUESTS = Counter("readroom_requests", "Requests by status.", ["view", "method", "status"])

logger = logging.getLogger(__name__)


class MeasureRequests:
    """Measure each request, and name its view and objects in all of its log lines."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        clear_contextvars()
        response = self.get_response(request)
        _record(request, response.status_code, time.perf_counter() - began)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, ids: dict[str, Any]
    ) -> None:
        """Bind the view and the ids of its URL to the log lines that follow."""
        bind_contextvars(view=_view_of(request), **{f"url_{name}": str(value) for name, value in ids.items()})


def _record(request: HttpRequest, status: int, seconds: float) -> None:
    view = _view_of(request)
    method = request.method if request.method in METHODS else "other"
    SECONDS.labels(view=view, method=method).observe(seconds)
    REQUESTS.labels(view=view, method=method, status=status).inc()
    if settings.LOG_REQUESTS and (view not in QUIET or status >= 500):
        bind_contextvars(status=status, milliseconds=round(seconds * 1000, 1))
        logger.info("%s %s %s", method, view, status)


def _view_of(request: HttpRequest) -> str:
    """Return the name of the view: a path that no view serves may contain anything."""
    match = request.resolver_match
    return (match.view_name or match.route) if match else UNRESOLVED
