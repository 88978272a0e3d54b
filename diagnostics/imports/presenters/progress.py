"""Status, progress and possible actions of an import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.imports.models import FileStatus, Import, Stage
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.jobs.storage_wait import is_waiting


@dataclass(frozen=True)
class Progress:
    """The values in the head of an import's page and in its row of the list."""

    status: str
    label: str
    radiographs: int
    pending: int
    imported: int
    duplicates: int
    unusable: int
    finished: bool  # the row does not change without a user's action
    importing: bool
    start_label: str  # of the button; empty when the import cannot be started
    can_stop: bool
    can_discard: bool

    @property
    def processed(self) -> int:
        return self.radiographs - self.pending


def progress_of(import_job: Import, counts: Mapping[str, int]) -> Progress:
    """Return the progress of an import from its row and the counts of its radiographs by status."""
    radiographs, pending = sum(counts.values()), counts[FileStatus.PENDING]
    finished = import_job.status not in OPEN_STATUSES
    scanned = import_job.stage == Stage.SCANNED
    return Progress(
        status="scanned" if scanned else import_job.status,
        label=_label(import_job, radiographs, pending),
        radiographs=radiographs,
        pending=pending,
        imported=counts[FileStatus.IMPORTED],
        duplicates=counts[FileStatus.DUPLICATE],
        unusable=counts[FileStatus.UNUSABLE],
        finished=finished,
        importing=not scanned,
        start_label=_start_label(import_job, pending) if finished and pending else "",
        can_stop=not finished and not import_job.stop_requested,
        can_discard=scanned,
    )


def _label(import_job: Import, radiographs: int, pending: int) -> str:
    if import_job.stage == Stage.SCANNED:
        return _("Scanned, not imported yet")
    if import_job.status == JobStatus.FAILED:
        return _("Failed")
    if import_job.status == JobStatus.DONE:
        return _stopped(pending) if pending else _("Done")
    if import_job.stop_requested:
        return _("Stopping after the current radiograph")
    if is_waiting(import_job):
        return _("Storage full: waiting")
    if radiographs == pending and import_job.status == JobStatus.QUEUED:
        return _("Queued")
    return _("Radiograph %(processed)d of %(radiographs)d") % {
        "processed": radiographs - pending,
        "radiographs": radiographs,
    }


def _start_label(import_job: Import, pending: int) -> str:
    if import_job.stage == Stage.SCANNED:
        text = ngettext("Start import (%(n)d radiograph)", "Start import (%(n)d radiographs)", pending)
    else:
        text = ngettext("Resume import (%(n)d radiograph)", "Resume import (%(n)d radiographs)", pending)
    return text % {"n": pending}


def _stopped(pending: int) -> str:
    text = ngettext("Stopped, %(n)d radiograph pending", "Stopped, %(n)d radiographs pending", pending)
    return text % {"n": pending}
