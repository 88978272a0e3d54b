"""Health of one process, for the health checks of containers: `python -m webapp.process_health NAME`."""

from __future__ import annotations

import os
import socket
import sys
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

WEB_PORT: Final = 8000


def is_web_healthy(*, port: int) -> bool:
    """Return whether the web process answers, whatever the state of the other components."""
    url = f"http://127.0.0.1:{port}/health/live/"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:  # also the errors of HTTP
        return False


def is_worker_healthy(name: str) -> bool:
    """Return whether the worker NAME of this host answers a ping through the broker; Redis only."""
    from webapp.celery import app

    return bool(app.control.ping(destination=[f"{name}@{socket.gethostname()}"], timeout=10))


def is_listening(*, port: int) -> bool:
    """Return whether the DICOM listener accepts connections."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False


def is_scheduler_healthy() -> bool:
    """Return whether the scheduler has stored a heartbeat lately."""
    import django
    from django.apps import apps
    from django.utils import timezone

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    if not apps.ready:
        django.setup()
    from diagnostics.jobs import heartbeats

    return heartbeats.is_alive(heartbeats.SCHEDULER, now=timezone.now())


def checks(environment: Mapping[str, str]) -> dict[str, Callable[[], bool]]:
    """Return the check of each process."""
    return {
        "web": partial(is_web_healthy, port=int(environment.get("PORT", WEB_PORT))),
        "inference": partial(is_worker_healthy, "inference"),
        "training": partial(is_worker_healthy, "training"),
        "maintenance": partial(is_worker_healthy, "maintenance"),
        "scheduler": is_scheduler_healthy,
        "dicom-listener": partial(is_listening, port=int(environment.get("READROOM_DICOM_PORT", 0))),
    }


if __name__ == "__main__":
    sys.exit(0 if checks(os.environ)[sys.argv[1]]() else 1)
