"""The worker's steps for one request of storage commitment: check the files, report to the node."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from diagnostics.cases import storage
from diagnostics.cases.models import Radiograph
from diagnostics.cases.storage import UnusableFile
from diagnostics.integrations.dicom_network import client
from diagnostics.integrations.models import StorageCommitment
from diagnostics.integrations.pipeline import dicom_jobs
from diagnostics.jobs.lease import Clock, Lease
from ml.images.dicom_meta import read_instance_meta

NO_SUCH_INSTANCE: Final = 0x0112  # PS3.3 C.14.1.1
CLASS_CONFLICT: Final = 0x0119


def report_commitment(request_id: uuid.UUID, *, clock: Clock = timezone.now) -> None:
    """Answer one request of storage commitment."""
    dicom_jobs.run(StorageCommitment, request_id, _report, clock=clock)


def _report(request: StorageCommitment, lease: Lease) -> dict[str, Any]:
    reasons = {
        (sop_class, instance): _reason(request, sop_class, instance)
        for sop_class, instance in request.instances
    }
    lease.check()
    client.report_commitment(
        request.node,
        request.transaction_uid,
        stored=[key for key, reason in reasons.items() if reason is None],
        missing=[(*key, reason) for key, reason in reasons.items() if reason is not None],
        own=settings.DICOM,
    )
    return {}


def _reason(request: StorageCommitment, sop_class_uid: str, sop_instance_uid: str) -> int | None:
    """Return why an instance is not committed; None where its original is stored and undamaged."""
    radiograph = Radiograph.objects.filter(
        site=request.node.site_id, sop_instance_uid=sop_instance_uid, is_control_copy=False
    ).first()
    if radiograph is None or not sop_instance_uid:
        return NO_SUCH_INSTANCE
    try:
        content = storage.read_verified(radiograph.original, radiograph.file_sha256)
    except UnusableFile:
        return NO_SUCH_INSTANCE
    return None if read_instance_meta(content).sop_class_uid == sop_class_uid else CLASS_CONFLICT
