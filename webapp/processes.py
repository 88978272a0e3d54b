"""The processes of a running Readroom and their commands."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

WEB = "web"
INFERENCE = "worker-inference"
TRAINING = "worker-training"
SCHEDULER = "scheduler"
DICOM = "dicom-listener"
WATCHED_FOLDER = "watched-folder"
MANAGE = Path(__file__).resolve().parents[1] / "manage.py"


@dataclass(frozen=True)
class Process:
    """One process: its name in the log, its command and its environment variables."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def all_processes(*, host: str, port: int) -> tuple[Process, ...]:
    """Return the four processes of one host, and those that settings add."""
    soft_stop = {"REMAP_SIGTERM": "SIGQUIT"}  # Celery then uses its soft timeout and does not wait for hours
    return (
        Process(WEB, web(host, port)),
        Process(INFERENCE, worker("inference", "stat,maintenance,inference"), soft_stop),
        Process(TRAINING, training_worker(), soft_stop),
        Process(SCHEDULER, (*_celery(), "beat", "--loglevel=INFO", "--pidfile=")),
        *_watched_folder(),
    )


def dicom_listener() -> Process:
    """Return the process that receives radiographs by DICOM; it runs where READROOM_DICOM_PORT is set."""
    return Process(DICOM, (sys.executable, "manage.py", "dicom_listener"))


def _watched_folder() -> tuple[Process, ...]:
    """Return the process that admits the files of a folder, where one is set."""
    if not os.environ.get("READROOM_WATCHED_FOLDER"):
        return ()
    return (Process(WATCHED_FOLDER, (sys.executable, str(MANAGE), "watch_folder")),)


def web(host: str, port: int) -> tuple[str, ...]:
    """Return the command of the web process; its threads never wait for a client (ADR 0020)."""
    memory = Path("/dev/shm")  # noqa: S108 - gunicorn creates a file with a random name in it
    return (
        *(sys.executable, "-m", "gunicorn", "webapp.wsgi", f"--bind={host}:{port}"),
        *("--worker-class=webapp.buffering_worker.BufferingWorker", "--workers=2", "--threads=8"),
        *("--timeout=60", "--graceful-timeout=8"),
        *("--no-control-socket", "--config=python:webapp.gunicorn_config"),
        *((f"--worker-tmp-dir={memory}",) if os.access(memory, os.W_OK) else ()),
    )


def worker(name: str, queues: str) -> tuple[str, ...]:
    """Return the command of a worker with one child; it serves its queues in the listed order."""
    return (
        *(*_celery(), "worker", f"--hostname={name}@%h", f"--queues={queues}", "--pool=prefork"),
        *("--concurrency=1", "--loglevel=INFO"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )


def training_worker() -> tuple[str, ...]:
    """Return the command of the training worker.

    It runs at low priority, below inference, and `webapp.celery` gives its session the same. Its child ends
    after each run to free the memory.
    """
    return ("nice", "-n", "10", *worker("training", "training"), "--max-tasks-per-child=1")


def _celery() -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "--app=webapp.celery", "--quiet")
