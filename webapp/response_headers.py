"""Security headers of every response, and no stored copies of what belongs to patients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

NO_STORE: Final = "private, no-store"
# Nothing here uses a device, a payment or a sensor: a page with injected code gets none of them either.
_DEVICES = (
    "accelerometer camera display-capture geolocation gyroscope magnetometer microphone midi payment usb"
)
SECURITY_HEADERS: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{device}=()" for device in _DEVICES.split()),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

GetResponse = Callable[[HttpRequest], HttpResponse]


class SecurityHeaders:
    """Set the security headers on every response: pages, images, static files, redirects and errors."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class NoStore:
    """Forbid browsers and proxies to store a response; static files are served before this middleware."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "no-store" not in response.headers.get("Cache-Control", ""):
            response.headers["Cache-Control"] = NO_STORE
        return response
