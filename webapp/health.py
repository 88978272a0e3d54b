"""The health page, for monitoring, load balancers and `manage.py run_all`."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from diagnostics.registry import selectors
from webapp.celery_config import is_redis

MIN_FREE_BYTES = 500_000_000
logger = logging.getLogger(__name__)


@never_cache
@require_GET
def health(request: HttpRequest) -> JsonResponse:
    """Return the state of each component; status 503 when one is not "ok"."""
    components = {name: _state(name, check) for name, check in CHECKS.items()}
    is_healthy = all(state == "ok" for state in components.values())
    body = {"status": "ok" if is_healthy else "unhealthy", "components": components}
    return JsonResponse(body, status=200 if is_healthy else 503)


def _state(name: str, check: Callable[[], str]) -> str:
    """Return the state of a component; the page is public, so that errors go to the log only."""
    try:
        return check()
    except Exception as error:  # whichever exception the driver raises
        logger.warning("health check of %s failed: %s", name, type(error).__name__)
        return "unreachable"


def database() -> str:
    """Query the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def broker() -> str:
    """Ping Redis, or check that the message folder is writable."""
    if is_redis(settings.BROKER_URL):
        with redis.Redis.from_url(settings.BROKER_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            client.ping()
        return "ok"
    folder = settings.CELERY["broker_transport_options"]["data_folder_in"]
    return "ok" if os.access(folder, os.W_OK | os.X_OK) else "unreachable"


def model() -> str:
    """Check for an active model version and its files."""
    version = selectors.active_version()
    if version is None:
        return "no active version"
    return "ok" if (selectors.bundle_path(version) / "manifest.json").is_file() else "files missing"


def disk() -> str:
    """Check the free space of the home."""
    return "ok" if shutil.disk_usage(settings.READROOM_HOME).free > MIN_FREE_BYTES else "almost full"


CHECKS: dict[str, Callable[[], str]] = {"database": database, "broker": broker, "model": model, "disk": disk}
