"""The health pages, for monitoring, load balancers and `manage.py run_all`: public, no versions, no paths."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from diagnostics.cases.models import Prediction
from diagnostics.imports.models import Import
from diagnostics.jobs import heartbeats
from diagnostics.jobs.models import Job
from diagnostics.registry import selectors
from diagnostics.stores import chosen as stores
from diagnostics.training.models import TrainingRun
from webapp.celery_config import is_redis

MIN_FREE_BYTES: Final = 500_000_000
OK, FALLBACK, UNREACHABLE, UNKNOWN = "ok", "fallback", "unreachable", "unknown"
# A running job with a valid lease also shows that the child of its worker lives.
JOB_TYPES: Final[dict[str, tuple[type[Job], ...]]] = {
    heartbeats.INFERENCE: (Prediction, Import),
    heartbeats.TRAINING: (TrainingRun,),
    heartbeats.SCHEDULER: (),
}
logger = logging.getLogger(__name__)

Check = Callable[[], str]


@never_cache
@require_GET
def live(request: HttpRequest) -> JsonResponse:
    """Return 200 while this process answers; queries nothing."""
    return JsonResponse({"status": OK})


@never_cache
@require_GET
def ready(request: HttpRequest) -> JsonResponse:
    """Return 200 when requests can be served; without the broker, a periodic task enqueues jobs later."""
    return _response(_states(READY), accepted=(OK, FALLBACK))


@never_cache
@require_GET
def health(request: HttpRequest) -> JsonResponse:
    """Return the state of each component, workers included; status 503 when one is not "ok"."""
    return _response(_states(HEALTH), accepted=(OK,))


def _response(states: dict[str, str], *, accepted: tuple[str, ...]) -> JsonResponse:
    is_healthy = all(state in accepted for state in states.values())
    body = {"status": OK if is_healthy else "unhealthy", "components": states}
    return JsonResponse(body, status=200 if is_healthy else 503)


def _states(checks: Iterable[tuple[str, Check]]) -> dict[str, str]:
    """Return the state of each component; what is in the database is unknown while that is away."""
    states: dict[str, str] = {}
    for name, check in checks:
        is_lost = states.get("database", OK) != OK and name in IN_DATABASE
        states[name] = UNKNOWN if is_lost else state_of(name, check)
    return states


def state_of(name: str, check: Check) -> str:
    """Return the state of a component; errors go to the log only, because the pages are public."""
    try:
        return check()
    except Exception as error:  # whichever exception the driver raises
        logger.warning("health check of %s failed: %s", name, type(error).__name__)
        return UNREACHABLE


def database() -> str:
    """Query the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK


def migrations() -> str:
    """Check that the database has every migration of this code."""
    return OK if _is_migrated() else "missing"


def _is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def broker() -> str:
    """Ping Redis, or check that the message folder is writable."""
    if is_redis(settings.BROKER_URL):
        with redis.Redis.from_url(settings.BROKER_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            client.ping()
        return OK
    folder = settings.CELERY["broker_transport_options"]["data_folder_in"]
    return OK if os.access(folder, os.W_OK | os.X_OK) else UNREACHABLE


def broker_or_fallback() -> str:
    """Check the broker, without which uploads are accepted and periodic tasks enqueue them later."""
    return OK if state_of("broker", broker) == OK else FALLBACK


def model() -> str:
    """Check for an active model version and its files."""
    version = selectors.active_version()
    if version is None:
        return "no active version"
    return OK if (selectors.bundle_path(version) / "manifest.json").is_file() else "files missing"


def bucket() -> str:
    """Ask for the S3 bucket; an installation without one needs the disk alone."""
    store = stores.s3("media")
    if store is not None:
        store.check()
    return OK


def disk() -> str:
    """Check the free space of the home."""
    return OK if shutil.disk_usage(settings.READROOM_HOME).free > MIN_FREE_BYTES else "almost full"


def worker(name: str) -> str:
    """Check the heartbeat of a worker's child or of the scheduler."""
    return OK if heartbeats.is_alive(name, *JOB_TYPES[name], now=timezone.now()) else "no heartbeat"


WORKERS: Final = tuple((name, partial(worker, name)) for name in heartbeats.NAMES)
READY: Final[tuple[tuple[str, Check], ...]] = (
    ("database", database),
    ("migrations", migrations),
    ("broker", broker_or_fallback),
)
HEALTH: Final[tuple[tuple[str, Check], ...]] = (
    ("database", database),
    ("broker", broker),
    ("model", model),
    ("disk", disk),
    ("storage", bucket),
    *WORKERS,
)
IN_DATABASE: Final = frozenset({"migrations", "model", *heartbeats.NAMES})
