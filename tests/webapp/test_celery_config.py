"""Queues, routes, periodic tasks and the settings of each broker."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import QueueNotFound
from django.conf import settings
from kombu import Connection
from kombu.exceptions import ContentDisallowed, EncodeError, SerializationError
from kombu.utils.scheduling import cycle_by_name

from tests.servers import wait_until
from webapp import filesystem_transport
from webapp.celery import app
from webapp.celery_config import QUEUES, celery_settings

ROOT = Path(__file__).resolve().parents[2]
TASKS = {
    "cases.classify": "inference",
    "training.train": "training",
    "imports.import_batch": "inference",
    "integrations.report_commitment": "maintenance",
    "integrations.retrieve_study": "maintenance",
    "integrations.send_result": "maintenance",
    "monitoring.score_in_shadow": "inference",
    "webhooks.deliver": "maintenance",
}
REDIS = celery_settings("redis://127.0.0.1:1/0", ROOT)
MAINTENANCE = {
    "cases.requeue_lost",
    "imports.requeue_lost",
    "training.requeue_and_schedule",
    "storage.sweep",
    "storage.keep_reserve",
    "audit.seal",
    "review.recount_figures",
    "review.sum_up_counts",
    "monitoring.advance_shadow_runs",
    "monitoring.watch",
    "webhooks.collect_and_requeue",
    "integrations.queue_and_requeue",
    "integrations.queue_older_results",
}
PERIODIC = MAINTENANCE | {"jobs.heartbeats"}
ON_REQUEST = {"jobs.heartbeat"}


@pytest.fixture(autouse=True, scope="module")
def _tasks_are_loaded() -> None:
    app.loader.import_default_modules()


def test_every_task_is_registered() -> None:
    assert {
        name for name in app.tasks if not name.startswith("celery.")
    } == TASKS.keys() | PERIODIC | ON_REQUEST


@pytest.mark.parametrize(("task", "queue"), TASKS.items())
def test_a_task_is_routed_to_its_queue(task: str, queue: str) -> None:
    assert app.amqp.router.route({}, task)["queue"].name == queue


def test_periodic_tasks_expire_before_the_next_is_due() -> None:
    entries = app.conf.beat_schedule.values()

    assert {entry["task"] for entry in entries} == PERIODIC
    for entry in entries:
        # A heartbeat precedes all queued predictions, so that a long queue is no missing heartbeat.
        assert entry["options"]["queue"] == ("maintenance" if entry["task"] in MAINTENANCE else "stat")
        assert entry["options"]["expires"] <= entry["schedule"].seconds


def test_stat_is_served_first_and_the_other_queues_in_turn() -> None:
    cycle = cycle_by_name(REDIS["broker_transport_options"]["queue_order_strategy"])()
    cycle.update({"stat", "inference", "maintenance"})
    served = []
    for _message in range(4):  # routine predictions and periodic tasks are waiting
        first, after_it = cycle.consume(3)[:2]
        assert first == "stat"
        served.append(cycle.rotate(after_it))

    assert served == ["inference", "maintenance"] * 2
    cycle.rotate("stat")
    assert cycle.consume(3)[0] == "stat"


def test_an_unknown_queue_raises_an_error() -> None:
    with pytest.raises(QueueNotFound):
        app.tasks["cases.classify"].apply_async(args=["x"], queue="infrence")


def test_an_argument_that_is_not_json_is_not_sent() -> None:
    with pytest.raises((EncodeError, SerializationError, TypeError)):
        app.tasks["cases.classify"].apply_async(args=[object()])


def test_a_pickled_message_is_refused() -> None:
    from kombu.serialization import dumps, loads

    kind, encoding, body = dumps({"a": 1}, serializer="pickle")

    with pytest.raises(ContentDisallowed):
        loads(body, kind, encoding, accept=app.conf.accept_content)


def test_a_folder_broker_acknowledges_early_and_redis_late(tmp_path: Path) -> None:
    folder = celery_settings("filesystem://", tmp_path)
    redis = celery_settings("redis://127.0.0.1:1/0", tmp_path)

    assert folder["task_acks_late"] is False
    assert redis["task_acks_late"] is True
    # longer than the longest training (3 days): a shorter one would deliver a running task again
    assert redis["broker_transport_options"]["visibility_timeout"] > 3 * 24 * 3600


@pytest.mark.slow
def test_a_message_file_is_never_visible_before_it_is_complete(tmp_path: Path) -> None:
    options = celery_settings("filesystem://", tmp_path)["broker_transport_options"]
    folder = Path(options["data_folder_in"])
    size = 3_000_000  # large, so that writing takes long enough to observe
    sizes: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            sizes.update(file.stat().st_size for file in folder.glob("*.msg"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    # kombu caches the queues of a process, whatever their folder, so this test needs its own queue
    with Connection(f"{filesystem_transport.SCHEME}://localhost//", transport_options=options) as connection:
        queue = connection.SimpleQueue("test-messages")
        for _ in range(20):
            queue.put("x" * size)
        done.set()
        watcher.join()
        assert len(queue.get(timeout=5).payload) == size
        queue.close()

    assert sizes
    assert min(sizes) >= size


def _folders(home: Path) -> dict[str, Any]:
    return dict(celery_settings("filesystem://", home)["broker_transport_options"])


def test_workers_that_start_together_all_bind_their_queues(tmp_path: Path) -> None:
    options = _folders(tmp_path)
    exchanges = [f"exchange-{number}" for number in range(40)]
    start = threading.Barrier(4)
    failures: list[BaseException] = []

    def bind(queue: str) -> None:
        with Connection(
            f"{filesystem_transport.SCHEME}://localhost//", transport_options=options
        ) as connection:
            channel = connection.channel()
            for exchange in exchanges:
                start.wait(timeout=20)
                try:
                    channel._queue_bind(exchange, "", "", queue)
                except Exception as failure:
                    failures.append(failure)

    workers = [threading.Thread(target=bind, args=(f"queue-{number}",)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert failures == []
    tables = [
        json.loads(Path(options["control_folder"], f"{name}.exchange").read_text()) for name in exchanges
    ]
    assert {tuple(sorted(queue for _, _, queue in table)) for table in tables} == {
        ("queue-0", "queue-1", "queue-2", "queue-3")
    }


def test_a_binding_table_that_was_left_empty_is_written_again(tmp_path: Path) -> None:
    options = _folders(tmp_path)
    table = Path(options["control_folder"], "left.exchange")
    table.touch()

    with Connection(f"{filesystem_transport.SCHEME}://localhost//", transport_options=options) as connection:
        connection.channel()._queue_bind("left", "", "", "queue")

    assert json.loads(table.read_text()) == [["", "", "queue"]]


def test_a_deleted_queue_leaves_the_bindings_of_others(tmp_path: Path) -> None:
    options = _folders(tmp_path)

    with Connection(f"{filesystem_transport.SCHEME}://localhost//", transport_options=options) as connection:
        channel = connection.channel()
        channel._queue_bind("shared", "", "", "a-queue-with-a-long-name")
        channel._queue_bind("shared", "", "", "kept")
        channel._delete("a-queue-with-a-long-name", "shared", "", "")

        assert [binding.queue for binding in channel.get_table("shared")] == ["kept"]


def test_the_broker_folders_are_inside_the_home() -> None:
    options = settings.CELERY["broker_transport_options"]

    for name in ("data_folder_in", "data_folder_out", "control_folder"):
        assert Path(options[name]).is_relative_to(settings.READROOM_HOME)
    assert set(app.conf.task_queues) == set(QUEUES)


@pytest.mark.slow
def test_a_busy_child_process_ends_with_its_worker() -> None:
    code = """
import os, sys, time
from webapp.celery import exit_with_parent
if os.fork() == 0:
    exit_with_parent()
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
