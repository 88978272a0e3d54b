"""What the broker is told to carry, and what it must refuse."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from celery.exceptions import QueueNotFound
from django.conf import settings
from kombu import Connection
from kombu.exceptions import ContentDisallowed, EncodeError, SerializationError

from tests.servers import wait_until
from webapp import filesystem_transport
from webapp.celery import app
from webapp.celery_config import QUEUES, celery_settings

ROOT = Path(__file__).resolve().parents[2]
TASKS = {"cases.classify": "inference", "training.train": "training", "imports.import_batch": "maintenance"}
PERIODIC = {"cases.requeue_lost", "imports.requeue_lost", "training.requeue_and_schedule"}


@pytest.fixture(autouse=True, scope="module")
def _tasks_are_loaded() -> None:
    app.loader.import_default_modules()


def test_every_task_is_registered() -> None:
    assert {name for name in app.tasks if not name.startswith("celery.")} == TASKS.keys() | PERIODIC


@pytest.mark.parametrize(("task", "queue"), TASKS.items())
def test_a_task_goes_to_its_queue(task: str, queue: str) -> None:
    assert app.amqp.router.route({}, task)["queue"].name == queue


def test_periodic_tasks_expire_before_the_next_is_due() -> None:
    beats = app.conf.beat_schedule.values()

    assert {beat["task"] for beat in beats} == PERIODIC
    for beat in beats:
        assert beat["options"]["queue"] == "maintenance"
        assert beat["options"]["expires"] <= beat["schedule"]


def test_a_mistyped_queue_fails_instead_of_vanishing() -> None:
    with pytest.raises(QueueNotFound):
        app.tasks["cases.classify"].apply_async(args=["x"], queue="infrence")


def test_what_is_no_json_is_not_sent() -> None:
    with pytest.raises((EncodeError, SerializationError, TypeError)):
        app.tasks["cases.classify"].apply_async(args=[object()])


def test_a_pickle_is_not_read() -> None:
    from kombu.serialization import dumps, loads

    kind, encoding, body = dumps({"a": 1}, serializer="pickle")

    with pytest.raises(ContentDisallowed):
        loads(body, kind, encoding, accept=app.conf.accept_content)


def test_a_folder_acknowledges_early_and_redis_late(tmp_path: Path) -> None:
    folder = celery_settings("filesystem://", tmp_path)
    redis = celery_settings("redis://127.0.0.1:1/0", tmp_path)

    assert folder["task_acks_late"] is False
    assert redis["task_acks_late"] is True
    # longer than the longest training (3 days): a shorter one would hand a running task out again
    assert redis["broker_transport_options"]["visibility_timeout"] > 3 * 24 * 3600


def test_a_message_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    options = celery_settings("filesystem://", tmp_path)["broker_transport_options"]
    folder = Path(options["data_folder_in"])
    size = 3_000_000  # large, so that writing takes long enough to be watched
    seen: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.update(file.stat().st_size for file in folder.glob("*.msg"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    # kombu remembers the queues of a process, whatever their folder: this one must be new to it
    with Connection(f"{filesystem_transport.SCHEME}://localhost//", transport_options=options) as connection:
        queue = connection.SimpleQueue("letters")
        for _ in range(20):
            queue.put("x" * size)
        done.set()
        watcher.join()
        assert len(queue.get(timeout=5).payload) == size
        queue.close()

    assert seen
    assert min(seen) >= size


def test_messages_stay_in_the_home() -> None:
    options = settings.CELERY["broker_transport_options"]

    for name in ("data_folder_in", "data_folder_out", "control_folder"):
        assert Path(options[name]).is_relative_to(settings.READROOM_HOME)
    assert set(app.conf.task_queues) == set(QUEUES)


def test_a_busy_child_ends_with_its_worker() -> None:
    code = """
import os, sys, time
from webapp.celery import die_with_the_parent
if os.fork() == 0:
    die_with_the_parent()
    print(os.getpid(), flush=True)
    time.sleep(600)
time.sleep(600)
"""
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    child = Path("/proc", worker.stdout.readline().strip())

    worker.kill()
    worker.wait()

    wait_until(lambda: not child.exists(), seconds=10, what="the end of the child")
    worker.stdout.close()
