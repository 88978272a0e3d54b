"""Status, progress and possible actions of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.jobs.storage_wait import is_waiting
from diagnostics.training import policy
from diagnostics.training.errors import LEAKS_FOUND
from diagnostics.training.models import Epoch, Phase, TrainingRun
from ml.trust.catalogue import CHECK_ORDER

CHECK_NAMES: Final = {check.id: check.name for check in CHECK_ORDER}


@dataclass(frozen=True)
class Progress:
    """The values in the head of a run's page."""

    status: str
    label: str
    epoch: int
    epochs: int
    remaining: str  # 'about 6 min remaining', empty until it can be estimated
    finished: bool
    show_bar: bool
    can_stop: bool


def progress_of(run: TrainingRun, epochs: Sequence[Epoch]) -> Progress:
    """Return the progress of a run from its row and its epochs."""
    planned = epochs[-1].planned_epochs if epochs else int(run.parameters.get("epochs", 0))
    can_stop = run.status in OPEN_STATUSES and not run.stop_requested
    return Progress(
        status=run.status,
        label=_label(run, len(epochs), planned),
        epoch=len(epochs),
        epochs=planned,
        remaining=_remaining(run, epochs),
        finished=run.status not in OPEN_STATUSES,
        show_bar=can_stop and len(epochs) > 0,
        can_stop=can_stop,
    )


def status_label(run: TrainingRun) -> str:
    """Return the status of a run in a few words."""
    if is_waiting(run):
        return _("Storage full: waiting")
    if run.status == JobStatus.QUEUED:
        return _("Queued for the training worker")
    if run.status == JobStatus.RUNNING:
        return _("Stopping, keeping the best epoch") if run.stop_requested else _("Training")
    if run.status == JobStatus.DONE:
        return _("Stopped, best epoch kept") if run.stop_requested else _("Done")
    if run.failure_code == LEAKS_FOUND:
        return _("Stopped by the leak and shortcut checks")
    return _("Failed")


def _label(run: TrainingRun, completed: int, planned: int) -> str:
    if run.status != JobStatus.RUNNING:
        return status_label(run)
    if run.phase == Phase.TRUST_CHECKS and run.checks_total:
        return _trust_checks(run)
    if run.phase in {Phase.FREEZING, Phase.LEAK_CHECKS, Phase.COMPARING, Phase.TRUST_CHECKS}:
        return str(Phase(run.phase).label)
    if run.stop_requested:
        return status_label(run)
    values = {"completed": completed, "planned": planned, "batch": run.batch, "batches": run.batches}
    if run.batch:
        values["completed"] += 1
        return _("Epoch %(completed)d of %(planned)d, batch %(batch)d of %(batches)d") % values
    if completed == 0:
        return _("Loading the radiographs for epoch 1 of %(planned)d") % values
    return _("Epoch %(completed)d of %(planned)d completed") % values


def _trust_checks(run: TrainingRun) -> str:
    name = CHECK_NAMES.get(run.check_running)
    values = {"number": run.checks_done + bool(name), "total": run.checks_total, "name": name}
    text = _("Running trust checks (%(number)d of %(total)d)") % values
    return _("%(text)s: %(name)s") % {"text": text, "name": name} if name else text


def remaining_seconds(run: TrainingRun, epochs: Sequence[Epoch]) -> float | None:
    """Return the estimated time until the end of the training; None where it cannot be told."""
    if run.status != JobStatus.RUNNING or run.phase != Phase.TRAINING or run.stop_requested or not epochs:
        return None
    started = run.batch / run.batches if run.batches else 0.0
    seconds = [epoch.seconds for epoch in epochs]
    return policy.seconds_remaining(seconds, epochs[-1].planned_epochs, started=started)


def _remaining(run: TrainingRun, epochs: Sequence[Epoch]) -> str:
    seconds = remaining_seconds(run, epochs)
    if not seconds:
        return ""
    if seconds < 60:
        return _("less than a minute remaining")
    minutes = ceil(seconds / 60)
    return ngettext("about %(n)d min remaining", "about %(n)d min remaining", minutes) % {"n": minutes}
