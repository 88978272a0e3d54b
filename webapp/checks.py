"""What is refused at start because it would lose or leak something later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register, run_checks
from django.core.exceptions import ImproperlyConfigured

from webapp.celery_config import is_redis

TAG = "readroom"


def refuse_unsafe_start() -> None:
    """Raise when a check of ours finds an error; gunicorn runs no checks by itself."""
    errors = [found for found in run_checks(tags=[TAG]) if found.is_serious()]
    if errors:
        raise ImproperlyConfigured("; ".join(str(error.msg) for error in errors))


@register(TAG)
def key_is_shared(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse PostgreSQL without a given key: each process would sign with one of its own."""
    if settings.SECRET_KEY_GIVEN or _is_sqlite():
        return []
    return [Error("DATABASE_URL names PostgreSQL but SECRET_KEY is not set.", id="readroom.E001")]


@register(TAG)
def broker_is_known(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a broker that nobody has tried."""
    if is_redis(settings.BROKER_URL) or settings.BROKER_URL == "filesystem://":
        return []
    return [Error("BROKER_URL must be redis://..., or unset for the built-in folder.", id="readroom.E002")]


@register(TAG)
def one_machine_or_many(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse PostgreSQL with a folder for a broker; warn of Redis beside SQLite."""
    if not _is_sqlite() and not is_redis(settings.BROKER_URL):
        return [
            Error(
                "DATABASE_URL names PostgreSQL but BROKER_URL names no Redis: "
                "workers on another host would never hear of new work.",
                id="readroom.E003",
            )
        ]
    if _is_sqlite() and is_redis(settings.BROKER_URL):
        return [
            Warning(
                "SQLite with Redis serves one host only; set DATABASE_URL before adding a second.",
                id="readroom.W001",
            )
        ]
    return []


def _is_sqlite() -> bool:
    return bool(settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"))
