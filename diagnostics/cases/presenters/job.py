"""Status and text of the newest prediction of a case as a background job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from diagnostics.cases.models import Prediction
from diagnostics.cases.presenters.prediction import seconds_taken
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.jobs.storage_wait import is_waiting

MINUTE: Final = 60  # seconds
USUAL_SECONDS: Final = 30


@dataclass(frozen=True)
class JobSummary:
    """The newest prediction of a case as a job."""

    status: str
    label: str
    elapsed_seconds: float
    elapsed_text: str
    hint: str  # when the result can be expected; empty unless the job is open
    is_open: bool
    is_failed: bool
    failure_code: str
    failure_text: str


def job_summary(latest: Prediction | None, now: datetime) -> JobSummary | None:
    """Return status and elapsed time of the newest prediction; None for a case without one."""
    if latest is None:
        return None
    elapsed, is_open = seconds_taken(latest, now), latest.status in OPEN_STATUSES
    return JobSummary(
        status=latest.status,
        label=_label(latest),
        elapsed_seconds=elapsed,
        elapsed_text=_duration(elapsed),
        hint=_hint(latest, elapsed) if is_open else "",
        is_open=is_open,
        is_failed=latest.status == JobStatus.FAILED,
        failure_code=latest.failure_code,
        failure_text=latest.failure_text,
    )


def _label(latest: Prediction) -> str:
    if is_waiting(latest):
        return _("Storage full: waiting")
    if latest.status == JobStatus.QUEUED and latest.attempts:
        return _("Queued again: the worker stopped")
    return str(JobStatus(latest.status).label)


def _hint(latest: Prediction, elapsed: float) -> str:
    if is_waiting(latest):
        return _(
            "The radiograph is stored. The AI result is computed as soon as an administrator has freed "
            "space on the disk; nothing has to be sent again."
        )
    if elapsed <= USUAL_SECONDS:
        return _("The AI result usually appears here within seconds.")
    return _(
        "This takes longer than usual: the queue may be long, or no worker may be running. "
        "The AI result appears here when it is ready."
    )


def _duration(seconds: float) -> str:
    if seconds < 2 * MINUTE:
        return _("%d s") % seconds
    return _("%d min") % (seconds // MINUTE)
