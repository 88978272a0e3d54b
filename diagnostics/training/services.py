"""What may be done with training: start, stop, schedule, and queue again what was lost."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import May
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.base import OPEN, DomainError, NotAllowed
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from diagnostics.training import labels, policy, recovery, selectors
from diagnostics.training.knocking import knock_on_commit
from diagnostics.training.models import Schedule, TrainingRun, Trigger
from diagnostics.training.policy import Parameters

MOST_DAYS: Final = 365


class AlreadyTraining(DomainError):
    """One run at a time."""

    code = "already_training"


class NoVersionInForce(DomainError):
    """There is no version to compare a candidate with."""

    code = "no_version_in_force"


class TooFewNew(DomainError):
    """The schedule waits for more new findings."""

    code = "too_few_new"


class NotRunning(DomainError):
    """The run is over."""

    code = "not_running"


class UnusableSchedule(DomainError):
    """A value of the schedule is out of range."""

    code = "unusable_schedule"


@transaction.atomic
def start_run(*, by: User | None, parameters: Parameters, trigger: str, now: datetime) -> TrainingRun:
    """Queue a training run, or refuse and say why."""
    _require(by)
    version = check_ready()
    run = _create(by=by, parameters=parameters, trigger=trigger, version=version, now=now)
    audit.record(
        action=Action.RUN_STARTED,
        by=by,
        target=run,
        detail={"number": run.number, "trigger": trigger, "parameters": parameters.as_json()},
        now=now,
    )
    knock_on_commit(run.pk)
    return run


def check_ready() -> ModelVersion:
    """Return the version to start from; raise the refusal a person may read when no run can start."""
    if selectors.open_run() is not None:
        raise _already_training()
    version = registry.in_force()
    if version is None:
        raise NoVersionInForce(_("No model version is in force, so there is nothing to start from."))
    policy.refuse_too_few(labels.counts())
    return version


def why_not() -> str:
    """Say why no run can start now; empty when one can."""
    try:
        check_ready()
    except DomainError as refusal:
        return str(refusal)
    return ""


@transaction.atomic
def stop_run(*, run: TrainingRun, by: User, now: datetime) -> None:
    """Ask a run to stop after the present step and to keep the best epoch."""
    _require(by)
    if not TrainingRun.objects.filter(pk=run.pk, status__in=OPEN, stop_asked=False).update(stop_asked=True):
        run.refresh_from_db()
        if run.status in OPEN:
            return  # asked before: once is enough
        raise NotRunning(_("This run is over already."))
    audit.record(action=Action.RUN_STOPPED, by=by, target=run, detail={"number": run.number}, now=now)


@transaction.atomic
def set_schedule(
    *, by: User, enabled: bool, every_days: int, at_hour: int, minimum_new_readings: int, now: datetime
) -> Schedule:
    """Say when training starts by itself."""
    _require(by)
    if not (1 <= every_days <= MOST_DAYS and 0 <= at_hour <= 23 and minimum_new_readings >= 1):
        raise UnusableSchedule(_("Choose 1 to 365 days, an hour from 0 to 23, and at least 1 new finding."))
    wanted = {
        "enabled": enabled,
        "every_days": every_days,
        "at_hour": at_hour,
        "minimum_new_readings": minimum_new_readings,
    }
    plan, _created = Schedule.objects.update_or_create(
        pk=1, defaults={**wanted, "changed_by": by, "changed_at": now}
    )
    audit.record(action=Action.SCHEDULE_CHANGED, by=by, target=plan, detail=wanted, now=now)
    return plan


def consider_schedule(*, now: datetime) -> TrainingRun | None:
    """Start the scheduled run when it is due and worth it; otherwise put on record why not."""
    plan = selectors.schedule()
    due = selectors.next_look(plan)
    if due is None or now < due:
        return None
    # One conditional write: of two clocks that tick together only one goes on.
    if not Schedule.objects.filter(enabled=True, last_considered_at=plan.last_considered_at).update(
        last_considered_at=now
    ):
        return None
    try:
        return _scheduled_run(plan, now)
    except DomainError as refusal:
        audit.record(
            action=Action.SCHEDULE_CONSIDERED,
            by=None,
            target=plan,
            detail={"not_started": refusal.code, "reason": str(refusal)},
            now=now,
        )
        return None


def requeue_lost(*, now: datetime) -> int:
    """Queue again the run whose worker died; the third time it fails with a reason."""
    return recovery.bring_back_lost(now=now)


def _scheduled_run(plan: Schedule, now: datetime) -> TrainingRun:
    check_ready()
    new = labels.new()
    if new < plan.minimum_new_readings:
        raise TooFewNew(
            _("Only %(new)d new findings since the last run; the schedule waits for %(need)d.")
            % {"new": new, "need": plan.minimum_new_readings}
        )
    return start_run(by=None, parameters=Parameters(), trigger=Trigger.SCHEDULE, now=now)


def _create(*, by: User | None, version: ModelVersion, now: datetime, **chosen: Any) -> TrainingRun:
    last = TrainingRun.objects.aggregate(last=Max("number"))["last"] or 0
    try:
        with transaction.atomic():
            return TrainingRun.objects.create(
                number=last + 1,
                trigger=chosen["trigger"],
                started_by=by,
                parameters=chosen["parameters"].as_json(),
                parent=version,
                queued_at=now,
            )
    except IntegrityError as trouble:
        raise _already_training() from trouble


def _require(by: User | None) -> None:
    if by is not None and not by.may(May.TRAIN):
        raise NotAllowed(_("Your role may not train models."))


def _already_training() -> AlreadyTraining:
    return AlreadyTraining(_("A training run is under way. Wait until it is over, or stop it."))
