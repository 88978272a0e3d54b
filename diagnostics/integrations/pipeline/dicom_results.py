"""The worker's steps for one result: build the object, send it to the node."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.utils import timezone
from pydicom import Dataset

from diagnostics.audit.models import Action
from diagnostics.cases import storage
from diagnostics.cases.storage import UnusableFile
from diagnostics.integrations.dicom_network import client
from diagnostics.integrations.models import DicomNode, ResultDelivery
from diagnostics.integrations.models.dicom_deliveries import ResultKind
from diagnostics.integrations.models.dicom_nodes import ResultTransport
from diagnostics.integrations.pipeline import dicom_jobs
from diagnostics.integrations.result_objects.secondary_capture import secondary_capture
from diagnostics.integrations.result_objects.values import Result
from diagnostics.integrations.selectors.results import result_of
from diagnostics.jobs.errors import JobError
from diagnostics.jobs.lease import Clock, Lease


def send_result(delivery_id: uuid.UUID, *, clock: Clock = timezone.now) -> None:
    """Send one queued result to its node."""
    dicom_jobs.run(ResultDelivery, delivery_id, _send, clock=clock)


def _send(delivery: ResultDelivery, lease: Lease) -> dict[str, Any]:
    if delivery.case.withdrawn_at is not None:
        raise JobError("case_withdrawn")
    try:
        prediction = delivery.prediction
        overlay = storage.read_verified(prediction.overlay_file, prediction.overlay_sha256)
        result = result_of(prediction, overlay_png=overlay)
        instance = _object(result, delivery.kind)
    except (UnusableFile, ValueError) as error:
        raise JobError("result_missing") from error
    lease.check()
    _transmit(delivery.node, instance)
    return {"action": Action.RESULT_SENT}


def _object(result: Result, kind: str) -> Dataset:
    if kind == ResultKind.SECONDARY_CAPTURE:
        return secondary_capture(result)
    from diagnostics.integrations.result_objects.structured_report import structured_report  # takes a second

    return structured_report(result)


def _transmit(node: DicomNode, instance: Dataset) -> None:
    if node.result_transport == ResultTransport.STOW:
        client.stow(node, instance)
    else:
        client.store(node, instance, settings.DICOM)
