"""The processes that make a running Readroom, and the commands that start them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

WEB = "web"
INFERENCE = "worker-inference"
TRAINING = "worker-training"
SCHEDULER = "clock"


@dataclass(frozen=True)
class Process:
    """One process: its name in the log, its command, and what it needs in its environment."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def all_processes(*, host: str, port: int) -> tuple[Process, ...]:
    """Name the four processes of one machine."""
    soft = {"REMAP_SIGTERM": "SIGQUIT"}  # Celery then stops by its soft time-out instead of waiting for hours
    return (
        Process(WEB, web(host, port)),
        Process(INFERENCE, worker("inference", "stat,inference,maintenance"), soft),
        Process(TRAINING, training_worker(), soft),
        Process(SCHEDULER, (*_celery(), "beat", "--loglevel=INFO", "--pidfile=")),
    )


def web(host: str, port: int) -> tuple[str, ...]:
    """Give the command of the web process: radiographs and uploads dominate, so threads."""
    memory = Path("/dev/shm")
    return (
        *(sys.executable, "-m", "gunicorn", "webapp.wsgi", f"--bind={host}:{port}"),
        *("--worker-class=gthread", "--workers=2", "--threads=8", "--timeout=60", "--graceful-timeout=8"),
        "--no-control-socket",
        *((f"--worker-tmp-dir={memory}",) if os.access(memory, os.W_OK) else ()),
    )


def worker(name: str, queues: str) -> tuple[str, ...]:
    """Give the command of a worker with one child, in the order in which its queues are listed."""
    return (
        *(*_celery(), "worker", f"--hostname={name}@%h", f"--queues={queues}", "--pool=prefork"),
        *("--concurrency=1", "--loglevel=INFO"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )


def training_worker() -> tuple[str, ...]:
    """Give the command of the training worker: radiographs come first, and its memory goes back after each run."""
    return ("nice", "-n", "10", *worker("training", "training"), "--max-tasks-per-child=1")


def _celery() -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "--app=webapp.celery", "--quiet")
