"""The periodic task of DICOM nodes."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from diagnostics.integrations.services import dicom_log, dicom_requeue, result_queue


@shared_task(name="integrations.queue_and_requeue", ignore_result=True)
def queue_and_requeue() -> None:
    """Queue the results that are due, requeue lost jobs and prune the log of refused instances."""
    now = timezone.now()
    result_queue.queue_due_results(now=now)
    dicom_requeue.requeue_lost(now=now)
    dicom_log.prune(now=now)
