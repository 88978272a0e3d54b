"""How far a run has come, in words a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.training import policy
from diagnostics.training.models import Epoch, TrainingRun


@dataclass(frozen=True)
class Progress:
    """What the head of a run's page says."""

    status: str
    words: str
    epoch: int
    epochs: int
    left: str  # 'about 6 min left', empty until it can be told
    over: bool

    @property
    def started_learning(self) -> bool:
        return self.epoch > 0


def progress_of(run: TrainingRun, epochs: Sequence[Epoch]) -> Progress:
    """Say how far a run is, from its row and its epochs."""
    planned = epochs[-1].of if epochs else int(run.parameters.get("epochs", 0))
    return Progress(
        status=run.status,
        words=_words(run, len(epochs), planned),
        epoch=len(epochs),
        epochs=planned,
        left=_left(run, epochs, planned),
        over=run.status not in OPEN_STATUSES,
    )


def status_words(run: TrainingRun) -> str:
    """Say in a few words where a run stands."""
    if run.status == JobStatus.QUEUED:
        return _("Waiting for the training worker")
    if run.status == JobStatus.RUNNING:
        return _("Stopping, keeping the best") if run.stop_requested else _("Learning")
    if run.status == JobStatus.DONE:
        return _("Stopped early, best kept") if run.stop_requested else _("Done")
    return _("Failed")


def _words(run: TrainingRun, done: int, planned: int) -> str:
    if run.status != JobStatus.RUNNING:
        return status_words(run)
    if run.phase == "freezing":
        return _("Gathering the radiographs and their findings")
    if run.phase == "examining":
        return _("Asking what its figures are worth")
    if run.phase == "comparing":
        return _("Comparing with the version in force on the same radiographs")
    if run.stop_requested:
        return _("Stopping, keeping the best")
    if done == 0:
        return _("Reading the radiographs; epoch 1 of %(of)d comes next") % {"of": planned}
    return _("Epoch %(done)d of %(of)d is done") % {"done": done, "of": planned}


def _left(run: TrainingRun, epochs: Sequence[Epoch], planned: int) -> str:
    left = policy.seconds_left([epoch.seconds for epoch in epochs], planned)
    if run.status != JobStatus.RUNNING or run.phase != "learning" or run.stop_requested or not left:
        return ""
    if left < 60:
        return _("less than a minute left")
    minutes = ceil(left / 60)
    return ngettext("about %(n)d min left", "about %(n)d min left", minutes) % {"n": minutes}
