"""Django's setting LOGGING.

Log lines contain events and ids, never a request body, a query string or a patient reference.
"""

from __future__ import annotations

from typing import Any, Final

S3_LOGGERS: Final = ("boto3", "botocore", "s3transfer")  # at DEBUG they log signatures and names of objects


def logging_settings(*, log_format: str, level: str) -> dict[str, Any]:
    """Return LOGGING for the format `plain` or `json`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": {
                "()": "webapp.telemetry.logs.PlainFormatter",
                "fmt": "{asctime} {levelname} {name} [{request_id}]: {message}",
                "style": "{",
            },
            "json": {"()": "webapp.telemetry.logs.json_formatter"},
        },
        "filters": {
            "request_id": {"()": "webapp.request_id.AddRequestId"},
            "route_of_request": {"()": "webapp.telemetry.logs.RouteOfRequest"},
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": log_format,
                "filters": ["request_id"],
            }
        },
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.request": {"filters": ["route_of_request"]},
            "django.security.csrf": {"filters": ["route_of_request"]},
            # logs queries
            "django.server": {"handlers": ["stdout"], "level": "WARNING", "propagate": False},
            **{name: {"level": "WARNING"} for name in S3_LOGGERS},
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "tensorflow": {"level": "ERROR"},  # it warns of each network that a training traces
        },
    }
