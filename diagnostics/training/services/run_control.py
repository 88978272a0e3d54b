"""Starting and stopping a training run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import DomainError
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from diagnostics.registry.services import MIN_REASON_LENGTH
from diagnostics.review.services import kept_figures
from diagnostics.training import policy
from diagnostics.training.errors import (
    AlreadyTraining,
    NoActiveVersion,
    ReasonTooShort,
    RunNotRunning,
    Unchanged,
)
from diagnostics.training.models import TrainingRun
from diagnostics.training.policy import Parameters
from diagnostics.training.selectors import label_counts, runs
from diagnostics.training.services.requeue import enqueue_run_on_commit


@transaction.atomic
def start_run(
    *, by: User | None, parameters: Parameters, trigger: str, now: datetime, leak_reason: str = ""
) -> TrainingRun:
    """Queue a training run.

    `leak_reason` is why to train in spite of what the leak and shortcut checks find; without one they stop
    the run. Raises NotAllowed, ReasonTooShort, AlreadyTraining, NoActiveVersion, TooFewLabels or Unchanged.
    """
    if by is not None:  # None is the schedule
        require(by, Permission.TRAIN)
    leak_reason = _checked_reason(leak_reason, by)
    version = check_ready()
    _require_change(parameters, version)
    run = _create(
        by=by, parameters=parameters, trigger=trigger, version=version, now=now, leak_reason=leak_reason
    )
    audit.record(
        action=Action.RUN_STARTED,
        by=by,
        target=run,
        detail={"number": run.number, "trigger": trigger, "parameters": parameters.as_json()}
        | ({"leak_reason": leak_reason} if leak_reason else {}),
        now=now,
    )
    enqueue_run_on_commit(run.pk)
    return run


def _checked_reason(reason: str, by: User | None) -> str:
    """Return a reason without surrounding space; only a person gives one, in whole words."""
    reason = reason.strip()
    if reason and by is None:
        raise ValueError("A schedule gives no reason.")
    if reason and len(reason) < MIN_REASON_LENGTH:
        text = _("Enter a reason of at least %(count)d characters.") % {"count": MIN_REASON_LENGTH}
        raise ReasonTooShort(text)
    return reason


def check_ready() -> ModelVersion:
    """Return the active version; raise a DomainError with the reason when no run can start."""
    if runs.open_run() is not None:
        raise _already_training()
    version = registry.active_version()
    if version is None:
        raise NoActiveVersion(_("No model version is active. Promote a version first."))
    kept_figures.bring_up_to_date()
    policy.require_enough_labels(label_counts.class_counts())
    return version


def _require_change(parameters: Parameters, version: ModelVersion) -> None:
    """Raise Unchanged where a run would repeat the last successful one."""
    last = runs.runs().filter(status=JobStatus.DONE, stop_requested=False).first()
    if last is None or last.parameters != parameters.as_json() or last.parent_id != version.pk:
        return
    if label_counts.has_labels_of(last):
        raise Unchanged(
            _(
                "Nothing has changed since training run %(number)d: the same labels, parameters and active "
                "version give the same network. Sign or import more, or choose other parameters."
            )
            % {"number": last.number}
        )


def reason_not_ready() -> str:
    """Return why no run can start now; empty when one can."""
    try:
        check_ready()
    except DomainError as error:
        return str(error)
    return ""


@transaction.atomic
def stop_run(*, run: TrainingRun, by: User, now: datetime) -> None:
    """Request a stop after the current step; the best epoch becomes the candidate."""
    require(by, Permission.TRAIN)
    if not TrainingRun.objects.filter(pk=run.pk, status__in=OPEN_STATUSES, stop_requested=False).update(
        stop_requested=True
    ):
        run.refresh_from_db()
        if run.status in OPEN_STATUSES:
            return  # already requested
        raise RunNotRunning(_("This run has already finished."))
    audit.record(action=Action.RUN_STOP_REQUESTED, by=by, target=run, detail={"number": run.number}, now=now)


def _create(*, by: User | None, version: ModelVersion, now: datetime, **values: Any) -> TrainingRun:
    last = TrainingRun.objects.aggregate(last=Max("number"))["last"] or 0
    try:
        with transaction.atomic():
            return TrainingRun.objects.create(
                number=last + 1,
                trigger=values["trigger"],
                started_by=by,
                parameters=values["parameters"].as_json(),
                parent=version,
                leak_reason=values["leak_reason"],
                queued_at=now,
            )
    except IntegrityError as error:
        raise _already_training() from error


def _already_training() -> AlreadyTraining:
    return AlreadyTraining(_("Another training run is open. Wait until it has finished, or stop it."))
