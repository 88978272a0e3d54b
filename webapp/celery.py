"""The Celery app of the workers and the scheduler."""

from __future__ import annotations

import logging.config
import os
import signal
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

from celery import Celery
from celery.signals import (
    beat_init,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_init,
    worker_process_init,
    worker_ready,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections, connections
from structlog.contextvars import bind_contextvars, clear_contextvars

from diagnostics.jobs.stop_flag import WORKER_STOP

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
# All of Django's checks import every page: 70 MB that a worker does not need. `refuse_unsafe_start` remains.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

CONNECTION_SECONDS: Final = 600
SESSION_PRIORITY: Final = Path("/proc/self/autogroup")

app = Celery("readroom")
app.add_defaults(lambda: settings.CELERY)
app.autodiscover_tasks(related_name="tasks")
app.autodiscover_tasks(related_name="periodic")


@setup_logging.connect
def use_the_settings_logging(**_: Any) -> None:
    """Use the logging of the settings instead of Celery's own."""
    logging.config.dictConfig(settings.LOGGING)


@worker_init.connect
@beat_init.connect
def refuse_unsafe_start(**_: Any) -> None:
    """Exit with a sentence where the settings would lose or expose data."""
    from webapp import checks  # needs the settings and the apps

    try:
        checks.refuse_unsafe_start()
    except ImproperlyConfigured as error:  # Celery would log it and start
        raise SystemExit(str(error)) from error


@worker_init.connect
def apply_nice_to_session(**_: Any) -> None:
    """Give the session of a worker that runs at low priority the same priority, if the session is its own.

    Linux divides the processor between sessions before processes (autogroups, man 7 sched), and each process
    of Readroom has its own session: `nice` alone would take nothing from the training for the others.
    """
    nice = os.nice(0)
    if nice > 0 and os.getsid(0) == os.getpid():
        with suppress(OSError):  # a kernel or a container without autogroups
            SESSION_PRIORITY.write_text(str(nice), encoding="ascii")


@worker_ready.connect
def release_jobs_before_a_stop(**_: Any) -> None:
    """Set the stop flag of the jobs at the first stop signal.

    Celery's own `worker_shutting_down` is too late: it follows the soft shutdown's wait for running tasks.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, partial(_set_stop_flag, os.getpid(), signal.getsignal(number)))


def _set_stop_flag(worker: int, handler: Any, number: int, frame: FrameType | None) -> None:
    if os.getpid() == worker:  # a child inherits this handler for the first moment after its fork
        WORKER_STOP.set()
    if callable(handler):
        handler(number, frame)


@task_prerun.connect
def name_job_in_log_lines(task: Any, args: tuple[Any, ...], **_: Any) -> None:
    """Name the task and the job in all log lines of its run; messages contain ids only."""
    clear_contextvars()
    bind_contextvars(task=task.name, **({"job_id": args[0]} if args else {}))


@worker_process_init.connect
def keep_connections(**_: Any) -> None:
    """Keep the SQLite connection of this child between tasks; those to PostgreSQL have a pool.

    Opening one takes time, and the last one that closes writes the whole log back to the database.
    """
    for connection in connections.all():
        if connection.vendor == "sqlite":
            connection.settings_dict["CONN_MAX_AGE"] = CONNECTION_SECONDS


@task_prerun.connect
@task_postrun.connect
def close_failed_connections(**_: Any) -> None:
    """Close connections that failed or are old, instead of every one after each task as Celery does."""
    close_old_connections()


@worker_process_init.connect
def exit_with_parent(**_: Any) -> None:
    """Exit this child process when its worker has died: nothing else would stop it.

    A thread polls the parent. The kernel's parent-death signal does not work here: it follows the forking
    thread, and Celery forks replacements in a thread that ends early in an orderly stop.
    """
    threading.Thread(target=_exit_after, args=(os.getppid(),), daemon=True, name="parent-watch").start()


def _exit_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
