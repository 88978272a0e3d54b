"""Who sent a request when proxies of ours stand in front."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class BehindProxies:
    """Give REMOTE_ADDR back its meaning where proxies of ours stand in front (setting PROXIES).

    Without it all of a hospital would share one address, and ten mistyped passwords would lock everybody out.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Each proxy appends whom it heard; whatever stands further left a sender may have made up.
        heard = [word.strip() for word in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        if 0 < settings.PROXIES <= len(heard) and _is_address(heard[-settings.PROXIES]):
            request.META["REMOTE_ADDR"] = heard[-settings.PROXIES]
        return self.get_response(request)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
