"""The periodic task of stored files."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from diagnostics import disk
from diagnostics.cases.services.sweep import share_of
from diagnostics.errors import StorageUnavailable
from diagnostics.storage import services

logger = logging.getLogger(__name__)


@shared_task(name="storage.sweep", ignore_result=True)
def sweep() -> None:
    """Delete old files that no row names, in a part of the folders each hour."""
    now = timezone.now()
    try:
        services.sweep(now=now, share=share_of(now))
    except StorageUnavailable:
        logger.warning("the storage does not answer: the sweep waits for the next hour")


@shared_task(name="storage.keep_reserve", ignore_result=True)
def keep_reserve() -> None:
    """Reserve space of the disk for the database, or release it when the disk is full."""
    disk.keep_reserve()
