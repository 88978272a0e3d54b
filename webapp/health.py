"""Is everything there that a radiograph needs on its way: for a person, a balancer and `manage.py run_all`."""

from __future__ import annotations

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

LEAST_FREE_BYTES = 500_000_000


@never_cache
@require_GET
def health(request: HttpRequest) -> JsonResponse:
    """Say part by part what works; 503 when a part does not."""
    parts = {name: _tried(part) for name, part in PARTS.items()}
    well = all(word == "ok" for word in parts.values())
    return JsonResponse({"status": "ok" if well else "unwell", "parts": parts}, status=200 if well else 503)


def _tried(part: Callable[[], str]) -> str:
    """Give the part's own word, or a plain one: what went wrong is for the log, not for the world."""
    try:
        return part()
    except Exception:  # whatever a driver raises means the same here
        return "unreachable"


def database() -> str:
    """Ask the database for a row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def broker() -> str:
    """Knock at Redis, or look whether the folder takes messages."""
    if is_redis(settings.BROKER_URL):
        with redis.Redis.from_url(settings.BROKER_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            client.ping()
        return "ok"
    folder = settings.CELERY["broker_transport_options"]["data_folder_in"]
    return "ok" if os.access(folder, os.W_OK | os.X_OK) else "unreachable"


def model() -> str:
    """Look for a version in force and its files."""
    version = selectors.active_version()
    if version is None:
        return "none in force"
    return "ok" if (selectors.bundle_path(version) / "manifest.json").is_file() else "files missing"


def disk() -> str:
    """Look whether radiographs still find room."""
    return "ok" if shutil.disk_usage(settings.READROOM_HOME).free > LEAST_FREE_BYTES else "nearly full"


PARTS: dict[str, Callable[[], str]] = {"database": database, "broker": broker, "model": model, "disk": disk}
