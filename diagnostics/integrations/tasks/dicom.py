"""The Celery tasks of DICOM: send a result, report a storage commitment, retrieve a study."""

from __future__ import annotations

import uuid

from celery import shared_task


@shared_task(name="integrations.send_result", ignore_result=True)
def send_result(delivery_id: str) -> None:
    """Send one queued result to its node; a message delivered twice sends nothing twice."""
    from diagnostics.integrations.pipeline import dicom_results  # only workers import the pipeline

    dicom_results.send_result(uuid.UUID(delivery_id))


@shared_task(name="integrations.report_commitment", ignore_result=True)
def report_commitment(request_id: str) -> None:
    """Answer one request of storage commitment."""
    from diagnostics.integrations.pipeline import dicom_commitments  # only workers import the pipeline

    dicom_commitments.report_commitment(uuid.UUID(request_id))


@shared_task(name="integrations.retrieve_study", ignore_result=True)
def retrieve_study(retrieval_id: str) -> None:
    """Ask a node to send one study to the listener."""
    from diagnostics.integrations.pipeline import dicom_retrievals  # only workers import the pipeline

    dicom_retrievals.retrieve_study(uuid.UUID(retrieval_id))
