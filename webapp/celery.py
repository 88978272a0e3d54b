"""The Celery app: who hears the knock on the door."""

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
    """Keep Celery from installing a format of its own."""
    logging.config.dictConfig(settings.LOGGING)


@worker_process_init.connect
def die_with_the_parent(**_: Any) -> None:
    """End this child when its worker is gone: nobody would ever give it work or stop it.

    A thread looks, because the kernel's parent-death signal follows the forking thread, and Celery forks
    replacements in a thread that ends early in an orderly stop.
    """
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True, name="parent-watch").start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
