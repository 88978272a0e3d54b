"""A broker that is not there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KNOCK = """
import time, uuid, django
django.setup()
from diagnostics.cases.services.enqueue import enqueue_prediction
began = time.monotonic()
print(enqueue_prediction(uuid.uuid4(), "stat"), time.monotonic() - began < 5)
"""


def test_a_redis_that_is_not_there_is_answered_soon_and_without_an_error(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and never listening: every connection is refused
        port = taken.getsockname()[1]
        environment = os.environ | {
            "BROKER_URL": f"redis://127.0.0.1:{port}/0",
            "READROOM_HOME": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
        }

        knocked = subprocess.run(
            [sys.executable, "-c", KNOCK],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )

    assert knocked.stdout.splitlines()[-1] == "False True"
