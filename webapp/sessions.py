"""Session limits: an idle timeout and a maximum age."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

WRITE_INTERVAL = 60  # seconds; avoids one database write for each request


class SessionLimits:
    """End sessions that are too old or idle for too long."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.COOKIES.get(settings.SESSION_COOKIE_NAME) and SESSION_KEY in request.session:
            self._check(request)
        return self.get_response(request)

    def _check(self, request: HttpRequest) -> None:
        now = timezone.now().timestamp()
        age = now - request.session.setdefault("began_at", now)
        idle = now - request.session.setdefault("seen_at", now)
        if (
            age > settings.SESSION_MAX_AGE.total_seconds()
            or idle > settings.SESSION_IDLE_TIMEOUT.total_seconds()
        ):
            request.session.flush()
        elif idle > WRITE_INTERVAL and not _is_polling(request):
            request.session["seen_at"] = now


def _is_polling(request: HttpRequest) -> bool:
    """Return whether a page refreshed itself, which does not show that a user is present."""
    return request.method == "GET" and "HX-Request" in request.headers
