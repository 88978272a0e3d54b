"""System checks: combinations of settings that would lose or expose data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register, run_checks
from django.core.exceptions import ImproperlyConfigured

from diagnostics.accounts.roles import Role
from webapp import private_home
from webapp.celery_config import is_redis

TAG = "readroom"


def refuse_unsafe_start() -> None:
    """Raise ImproperlyConfigured on an error of these checks; gunicorn does not run checks."""
    errors = [message for message in run_checks(tags=[TAG]) if message.is_serious()]
    if errors:
        raise ImproperlyConfigured("; ".join(str(error.msg) for error in errors))


@register(TAG)
def check_secret_key(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return an error for PostgreSQL without SECRET_KEY: each process would sign with its own key."""
    if settings.SECRET_KEY_GIVEN or _is_sqlite():
        return []
    return [Error("DATABASE_URL names PostgreSQL, but SECRET_KEY is not set.", id="readroom.E001")]


@register(TAG)
def check_broker(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return an error for a broker that is not supported."""
    if is_redis(settings.BROKER_URL) or settings.BROKER_URL == "filesystem://":
        return []
    return [Error("BROKER_URL must be redis://..., or unset for the built-in folder.", id="readroom.E002")]


@register(TAG)
def check_database_and_broker(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return an error for PostgreSQL with a folder as broker, and a warning for SQLite with Redis."""
    if not _is_sqlite() and not is_redis(settings.BROKER_URL):
        return [
            Error(
                "DATABASE_URL names PostgreSQL, but BROKER_URL does not name Redis: "
                "workers on another host would receive no jobs.",
                id="readroom.E003",
            )
        ]
    if _is_sqlite() and is_redis(settings.BROKER_URL):
        return [
            Warning(
                "SQLite with Redis supports one host only. Set DATABASE_URL before you add a second host.",
                id="readroom.W001",
            )
        ]
    return []


@register(TAG)
def check_login(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return an error where no user could log in, or for a role that does not exist."""
    errors: list[CheckMessage] = []
    has_provider = bool(settings.OIDC_ISSUER and settings.OIDC_CLIENT_ID)
    if not settings.LOCAL_LOGIN and not (has_provider and settings.OIDC_ROLES):
        text = "READROOM_LOCAL_LOGIN=0 needs READROOM_OIDC_ISSUER, _CLIENT_ID and _ROLES."
        errors.append(Error(text, id="readroom.E004"))
    unknown = [role for role, _group in settings.OIDC_ROLES if role not in Role.values]
    if unknown:
        text = f"READROOM_OIDC_ROLES names an unknown role: {', '.join(unknown)}."
        errors.append(Error(text, id="readroom.E005"))
    return errors


@register(TAG)
def check_home(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return a warning for a home that other users of the host may access: it belongs to one of them."""
    if not private_home.is_open_to_others(settings.READROOM_HOME):
        return []
    return [
        Warning(
            f"Other users of this host have access to {settings.READROOM_HOME}, which belongs to another "
            "user than the one that runs Readroom. Give it to that user (chown -R) and run chmod 700 on it.",
            id="readroom.W002",
        )
    ]


@register(TAG)
def check_bucket(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return an error for a bucket that cannot be used, a warning for radiographs in clear text."""
    if settings.S3 is None:
        return []
    if mistake := settings.S3.mistake:
        return [Error(mistake, id="readroom.E006")]
    if settings.S3.is_in_clear_text:
        text = "READROOM_S3_ENDPOINT is no https:// address: radiographs travel unencrypted."
        return [Warning(text, id="readroom.W003")]
    if next(Path(settings.MEDIA_ROOT).glob("radiographs/*/*"), None):
        text = "The home has radiographs, which are not read: READROOM_S3_BUCKET names a bucket."
        hint = "Copy the folder media to the bucket, under the same names, then move it out of the home."
        return [Warning(text, hint=hint, id="readroom.W004")]
    return []


def _is_sqlite() -> bool:
    return bool(settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"))
