"""Gunicorn's own log lines in the format of LOG_FORMAT, and what is loaded before the first request.

Its other options are on the command line.
"""

from __future__ import annotations

import os
from typing import Any

if os.environ.get("LOG_FORMAT") == "json":
    logconfig_dict = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "webapp.telemetry.logs.json_formatter"}},
        "handlers": {
            "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}
        },
        "root": {"handlers": ["stdout"], "level": "INFO"},
        "loggers": {"gunicorn.error": {"handlers": ["stdout"], "level": "INFO", "propagate": False}},
    }


def post_worker_init(worker: Any) -> None:
    """Import every view and start the decoding server: else the first visitor and the first upload wait."""
    from django.urls import get_resolver

    from ml.images import decoding_server_process

    assert get_resolver().url_patterns
    decoding_server_process.server.start()
