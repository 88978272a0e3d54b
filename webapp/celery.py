"""The Celery app of the workers and the scheduler."""

from __future__ import annotations

import logging.config
import os
import threading
import time
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init
from django.conf import settings

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
