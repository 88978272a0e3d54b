"""The Celery task of predictions, and the network that an inference worker loads when it starts."""

from __future__ import annotations

import uuid
from threading import Thread
from typing import Any, Final

from celery import current_app, shared_task
from celery.signals import worker_process_init
from django.db import connections

STAT_QUEUE: Final = "stat"
INFERENCE_QUEUE: Final = "inference"


@shared_task(name="cases.classify", ignore_result=True)
def classify(prediction_id: str) -> None:
    """Compute one queued prediction; a message delivered twice changes nothing."""
    from diagnostics.cases import pipeline  # only workers import the pipeline

    pipeline.classify(uuid.UUID(prediction_id))


@worker_process_init.connect
def load_network(**_: Any) -> None:
    """Load the served network beside the start of an inference worker: the first radiograph has it ready."""
    if INFERENCE_QUEUE in current_app.amqp.queues.consume_from:
        Thread(target=_load_network, daemon=True, name="load-network").start()


def _load_network() -> None:
    from diagnostics.cases import pipeline

    try:
        pipeline.load_active_version()
    finally:
        connections.close_all()  # those of this thread
