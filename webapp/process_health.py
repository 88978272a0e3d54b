"""Health of one process, for the health checks of containers: `python -m webapp.process_health NAME`."""

from __future__ import annotations

import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

WEB_PORT: Final = 8000
ANSWERS: Final = frozenset({200, 503})  # 503: the web process runs, another component does not
BEAT_WRITES: Final = 600.0  # seconds; Celery beat writes its schedule every three minutes


def is_web_healthy(*, port: int) -> bool:
    """Return whether the web process answers its health page."""
    url = f"http://127.0.0.1:{port}/health/"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status in ANSWERS
    except urllib.error.HTTPError as error:
        return error.code in ANSWERS
    except OSError:
        return False


def is_worker_healthy(name: str) -> bool:
    """Return whether the worker NAME of this host answers a ping through the broker; Redis only."""
    from webapp.celery import app

    return bool(app.control.ping(destination=[f"{name}@{socket.gethostname()}"], timeout=10))


def is_scheduler_healthy(home: Path, *, now: float) -> bool:
    """Return whether Celery beat has written its schedule lately."""
    written = [file.stat().st_mtime for file in home.glob("beat-schedule*")]
    return bool(written) and now - max(written) < BEAT_WRITES


def checks(environment: Mapping[str, str]) -> dict[str, Callable[[], bool]]:
    """Return the check of each process."""
    home = Path(environment.get("READROOM_HOME", "var"))
    return {
        "web": partial(is_web_healthy, port=int(environment.get("PORT", WEB_PORT))),
        "inference": partial(is_worker_healthy, "inference"),
        "training": partial(is_worker_healthy, "training"),
        "scheduler": partial(is_scheduler_healthy, home, now=time.time()),
    }


if __name__ == "__main__":
    sys.exit(0 if checks(os.environ)[sys.argv[1]]() else 1)
