"""The worker's step for one retrieval: ask the node to send the study to the listener."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.utils import timezone

from diagnostics.integrations.dicom_network import client
from diagnostics.integrations.models import StudyRetrieval
from diagnostics.integrations.pipeline import dicom_jobs
from diagnostics.jobs.lease import Clock, Lease


def retrieve_study(retrieval_id: uuid.UUID, *, clock: Clock = timezone.now) -> None:
    """Retrieve one study; the listener opens its cases."""
    dicom_jobs.run(StudyRetrieval, retrieval_id, _move, clock=clock)


def _move(retrieval: StudyRetrieval, _lease: Lease) -> dict[str, Any]:
    moved = client.move_study(retrieval.node, retrieval.study_uid, settings.DICOM)
    return {"completed": moved.completed, "refused": moved.failed}
