"""Messages of predictions, and an unavailable broker."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from base64 import b64decode
from datetime import datetime
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.cases.errors import (
    UnusableRadiograph,
)
from diagnostics.cases.services import admission
from diagnostics.jobs.models import JobStatus
from tests.cases.conftest import SendRadiograph

ROOT = Path(__file__).resolve().parents[2]
ENQUEUE = """
import time, uuid, django
django.setup()
from diagnostics.cases.services.enqueue import enqueue_prediction
started = time.monotonic()
print(enqueue_prediction(uuid.uuid4(), "stat"), time.monotonic() - started < 5)
"""


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("priority", "queue"), [("stat", "stat"), ("urgent", "inference"), ("routine", "inference")]
)
def test_the_message_holds_only_the_id_and_is_sent_to_the_queue_of_the_priority(
    priority: str, queue: str, send_radiograph: SendRadiograph, messages: Path
):
    case = send_radiograph(priority=priority, patient_ref="CANARY-1", accession_number="CANARY-2")

    (message,) = messages.glob("*.msg")
    envelope = json.loads(message.read_text())
    arguments, _, _ = json.loads(b64decode(envelope["body"]))
    assert message.name.endswith(f".{queue}.msg")
    assert envelope["headers"]["task"] == "cases.classify"
    assert arguments == [str(case.predictions.get().pk)]
    assert "CANARY" not in str(envelope) + str(arguments)


def test_a_refused_upload_sends_no_message(technician: User, messages: Path, now: datetime):
    with pytest.raises(UnusableRadiograph):
        admission.open_case(radiograph=b"no radiograph", patient_ref="P-1", by=technician, now=now)

    assert not list(messages.glob("*.msg"))


@pytest.mark.django_db(transaction=True)
def test_an_upload_succeeds_while_the_broker_is_unavailable(
    send_radiograph: SendRadiograph, messages: Path, caplog: pytest.LogCaptureFixture
):
    away = messages.rename(messages.with_name("away"))
    try:
        case = send_radiograph(patient_ref="CANARY-1")
    finally:
        away.rename(messages)

    assert case.predictions.get().status == JobStatus.QUEUED
    assert "the broker is unavailable" in caplog.text
    assert "CANARY" not in caplog.text


@pytest.mark.slow
def test_an_unreachable_redis_returns_false_within_five_seconds(tmp_path: Path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: every connection is refused
        port = unused.getsockname()[1]
        environment = os.environ | {
            "BROKER_URL": f"redis://127.0.0.1:{port}/0",
            "READROOM_HOME": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
        }

        completed = subprocess.run(
            [sys.executable, "-c", ENQUEUE],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )

    assert completed.stdout.splitlines()[-1] == "False True"
