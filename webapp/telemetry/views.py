"""The metrics page, for Prometheus."""

from __future__ import annotations

import ipaddress
import secrets

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from webapp.telemetry.collectors import StoredState


@never_cache
@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Return all metrics; 404 without the token of METRICS_TOKEN or an address of METRICS_NETWORKS."""
    if not (_has_token(request) or _has_permitted_address(request)):
        raise Http404
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    registry.register(StoredState(now=timezone.now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    is_equal = secrets.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    return bool(settings.METRICS_TOKEN) and scheme == "Bearer" and is_equal


def _has_permitted_address(request: HttpRequest) -> bool:
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:  # a Unix socket has no address
        return False
    return any(address in network for network in settings.METRICS_NETWORKS)
