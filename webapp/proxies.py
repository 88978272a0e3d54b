"""The client address of a request behind reverse proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class BehindProxies:
    """Set REMOTE_ADDR to the client's address when PROXIES reverse proxies are configured.

    Otherwise all users would share the proxy's address, and ten failed logins would lock all of them out.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Each proxy appends the address of its peer. Entries further left may be forged by the client.
        addresses = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        if 0 < settings.PROXIES <= len(addresses) and _is_address(addresses[-settings.PROXIES]):
            request.META["REMOTE_ADDR"] = addresses[-settings.PROXIES]
        return self.get_response(request)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
