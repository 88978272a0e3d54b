"""The periodic task of DICOM nodes."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from celery import shared_task
from django.utils import timezone

from diagnostics.integrations.services import dicom_log, dicom_requeue, result_queue

RECENT: Final = timedelta(days=1)


@shared_task(name="integrations.queue_older_results", ignore_result=True)
def queue_older_results() -> None:
    """Queue the results that are due of all cases, also those signed while no periodic task ran."""
    result_queue.queue_due_results(now=timezone.now())


@shared_task(name="integrations.queue_and_requeue", ignore_result=True)
def queue_and_requeue() -> None:
    """Queue the due results of recent cases, requeue lost jobs and prune the log of refused instances."""
    now = timezone.now()
    result_queue.queue_due_results(now=now, within=RECENT)
    dicom_requeue.requeue_lost(now=now)
    dicom_log.prune(now=now)
