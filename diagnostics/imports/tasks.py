"""The Celery task of imports."""

from __future__ import annotations

import uuid

from celery import shared_task

from diagnostics.jobs.enqueue import enqueue


@shared_task(name="imports.import_batch", ignore_result=True)
def import_batch(import_id: str) -> None:
    """Import radiographs for a few seconds; enqueue the import again while some are left."""
    from diagnostics.imports import pipeline  # only workers import the pipeline

    if pipeline.import_batch(uuid.UUID(import_id)):
        enqueue(import_batch, uuid.UUID(import_id))
