"""The Celery app of the workers and the scheduler."""

from __future__ import annotations

import logging.config
import os
import signal
import threading
import time
from functools import partial
from types import FrameType
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_prerun, worker_process_init, worker_ready
from django.conf import settings
from structlog.contextvars import bind_contextvars, clear_contextvars

from diagnostics.jobs.stop_flag import WORKER_STOP

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")

app = Celery("readroom")
app.add_defaults(lambda: settings.CELERY)
app.autodiscover_tasks(related_name="tasks")
app.autodiscover_tasks(related_name="periodic")


@setup_logging.connect
def use_the_settings_logging(**_: Any) -> None:
    """Use the logging of the settings instead of Celery's own."""
    logging.config.dictConfig(settings.LOGGING)


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
