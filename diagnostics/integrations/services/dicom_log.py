"""Retention of the log of received instances."""

from __future__ import annotations

from datetime import datetime

from diagnostics.integrations.models import ReceivedInstance, StorageCommitment, StudyRetrieval
from diagnostics.integrations.policy.dicom import JOBS_KEPT, LOG_KEPT


def prune(*, now: datetime) -> int:
    """Delete rows that belong to no case; return how many. The rows of a case are deleted with it.

    Refused instances are kept for LOG_KEPT, finished commitments and retrievals for JOBS_KEPT: their UIDs
    are those of a patient's study.
    """
    old = now - JOBS_KEPT
    rows = (
        ReceivedInstance.objects.filter(case=None, at__lt=now - LOG_KEPT),
        StorageCommitment.objects.filter(finished_at__lt=old),
        StudyRetrieval.objects.filter(finished_at__lt=old),
    )
    return sum(each.delete()[0] for each in rows)
