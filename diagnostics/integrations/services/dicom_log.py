"""Retention of the log of received instances."""

from __future__ import annotations

from datetime import datetime

from diagnostics.integrations.models import ReceivedInstance
from diagnostics.integrations.policy.dicom import LOG_KEPT


def prune(*, now: datetime) -> int:
    """Delete the rows of refused instances after LOG_KEPT: they belong to no case; return how many.

    The rows of a case are deleted with it.
    """
    return ReceivedInstance.objects.filter(case=None, at__lt=now - LOG_KEPT).delete()[0]
