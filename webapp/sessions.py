"""A session ends when nobody sat at the desk for a while, and after a working day in any case."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

WRITE_EVERY = 60  # seconds; a write per request would cost more than it tells


class SessionLimits:
    """End sessions that are too old or were idle too long."""

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
        if age > settings.SESSION_AT_MOST.total_seconds() or idle > settings.SESSION_IDLE.total_seconds():
            request.session.flush()
        elif idle > WRITE_EVERY and not _refreshes_itself(request):
            request.session["seen_at"] = now


def _refreshes_itself(request: HttpRequest) -> bool:
    """A page that polls is nobody at the desk."""
    return request.method == "GET" and "HX-Request" in request.headers
