"""How far an import has come, in words a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.imports.models import FileStatus, Import, Stage
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus


@dataclass(frozen=True)
class Progress:
    """What the head of an import's page says."""

    status: str
    words: str
    radiographs: int
    waiting: int
    opened: int
    linked: int
    refused: int
    over: bool  # nothing changes by itself any more
    may_begin: bool

    @property
    def done(self) -> int:
        return self.radiographs - self.waiting


def progress_of(importing: Import, endings: Mapping[str, int]) -> Progress:
    """Say how far an import is, from its row and its radiographs' endings."""
    radiographs, waiting = sum(endings.values()), endings[FileStatus.WAITING]
    over = importing.status not in OPEN_STATUSES
    return Progress(
        status="looked" if importing.step == Stage.LOOKED else importing.status,
        words=_words(importing, radiographs, waiting),
        radiographs=radiographs,
        waiting=waiting,
        opened=endings[FileStatus.OPENED],
        linked=endings[FileStatus.LINKED],
        refused=endings[FileStatus.REFUSED],
        over=over,
        may_begin=over and waiting > 0,
    )


def _words(importing: Import, radiographs: int, waiting: int) -> str:
    if importing.step == Stage.LOOKED:
        return _("Looked through, nothing imported yet")
    if importing.status == JobStatus.FAILED:
        return _("Failed")
    if importing.status == JobStatus.DONE:
        return _stopped(waiting) if waiting else _("Done")
    if importing.stop_requested:
        return _("Stopping after the present radiograph")
    if radiographs == waiting and importing.status == JobStatus.QUEUED:
        return _("Waiting for the worker")
    return _("Radiograph %(done)d of %(radiographs)d") % {
        "done": radiographs - waiting,
        "radiographs": radiographs,
    }


def _stopped(waiting: int) -> str:
    return ngettext("Stopped, %(n)d radiograph waits", "Stopped, %(n)d radiographs wait", waiting) % {
        "n": waiting
    }
