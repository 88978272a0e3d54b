"""What an administrator does with a failed run: resume it from its checkpoint, or discard its checkpoints."""

from __future__ import annotations

import shutil
from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.jobs.models import JobStatus
from diagnostics.training.errors import AlreadyTraining, NoCheckpoints
from diagnostics.training.models import UNSTARTED, TrainingRun
from diagnostics.training.selectors import runs
from diagnostics.training.services.requeue import enqueue_run_on_commit


@transaction.atomic
def resume_run(*, run: TrainingRun, by: User, now: datetime) -> None:
    """Queue a failed run again from its last checkpoint.

    Raises NotAllowed, NoCheckpoints or AlreadyTraining.
    """
    require(by, Permission.TRAIN)
    if not runs.has_checkpoints(run) or not _queue_again(run, now):
        raise _no_checkpoints()
    audit.record(action=Action.RUN_RESUMED, by=by, target=run, detail={"number": run.number}, now=now)
    enqueue_run_on_commit(run.pk)


@transaction.atomic
def discard_checkpoints(*, run: TrainingRun, by: User, now: datetime) -> None:
    """Delete the checkpoints of a failed run; raises NotAllowed or NoCheckpoints."""
    require(by, Permission.TRAIN)
    locked = TrainingRun.objects.select_for_update().get(pk=run.pk)  # not resumed at the same time
    if not runs.has_checkpoints(locked):
        raise _no_checkpoints()
    detail = {"number": run.number}
    audit.record(action=Action.CHECKPOINTS_DISCARDED, by=by, target=run, detail=detail, now=now)
    transaction.on_commit(partial(shutil.rmtree, runs.checkpoints(run)))


def _queue_again(run: TrainingRun, now: datetime) -> bool:
    queued = {
        "status": JobStatus.QUEUED,
        "lost_attempts": 0,
        "stop_requested": False,
        "queued_at": now,
        "finished_at": None,
        "lease_until": None,
        "failure_code": "",
        "failure_text": "",
    } | UNSTARTED
    try:
        with transaction.atomic():
            return bool(TrainingRun.objects.filter(pk=run.pk, status=JobStatus.FAILED).update(**queued))
    except IntegrityError as error:  # one_open_training_run
        text = _("Another training run is open. Wait until it has finished, or stop it.")
        raise AlreadyTraining(text) from error


def _no_checkpoints() -> NoCheckpoints:
    return NoCheckpoints(_("This run has no checkpoints to resume from. Start a new run."))
