"""The schedule of training: changes, and the periodic evaluation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import DomainError
from diagnostics.jobs.models import JobStatus
from diagnostics.training.errors import InvalidSchedule, TooFewNewFindings
from diagnostics.training.models import Schedule, TrainingRun, Trigger
from diagnostics.training.policy import Parameters, Recipe
from diagnostics.training.selectors import label_counts, runs
from diagnostics.training.services import run_control
from diagnostics.training.services.run_control import check_ready, start_run

MAX_DAYS: Final = 365
MAX_FINDINGS: Final = 1_000_000


@dataclass(frozen=True)
class ScheduleValues:
    """What an administrator chooses; `after_findings` of 0 starts no run after new findings."""

    enabled: bool
    every_days: int
    at_hour: int  # in the site's time zone
    minimum_new_readings: int  # new final findings without which the schedule starts no run
    after_findings: int = 0  # new final findings that start a run at any time
    recipe: str = Recipe.FINE_TUNE.value


@transaction.atomic
def set_schedule(*, by: User, values: ScheduleValues, now: datetime) -> Schedule:
    """Save the schedule; raises NotAllowed, InvalidParameters or InvalidSchedule."""
    require(by, Permission.TRAIN)
    Parameters.of(values.recipe)
    if not (1 <= values.every_days <= MAX_DAYS and 0 <= values.at_hour <= 23):
        raise InvalidSchedule(_("Choose 1 to 365 days and an hour from 0 to 23."))
    if values.minimum_new_readings < 1 or not 0 <= values.after_findings <= MAX_FINDINGS:
        raise InvalidSchedule(_("Choose at least 1 new finding; 0 only for training after new findings."))
    columns = asdict(values)
    plan, _created = Schedule.objects.update_or_create(
        pk=1, defaults={**columns, "changed_by": by, "changed_at": now}
    )
    audit.record(action=Action.SCHEDULE_CHANGED, by=by, target=plan, detail=columns, now=now)
    return plan


@transaction.atomic  # an interruption leaves the evaluation due
def evaluate_schedule(*, now: datetime) -> TrainingRun | None:
    """Start the scheduled run when it is due; record the reason when it cannot start."""
    plan = runs.schedule()
    due = runs.next_evaluation(plan)
    if due is None or now < due:
        return None
    # One conditional update: only one of two concurrent periodic tasks continues.
    if not Schedule.objects.filter(enabled=True, last_evaluated_at=plan.last_evaluated_at).update(
        last_evaluated_at=now
    ):
        return None
    try:
        return _scheduled_run(plan, now)
    except DomainError as error:
        audit.record(
            action=Action.SCHEDULED_RUN_SKIPPED,
            by=None,
            target=plan,
            detail={"not_started": error.code, "reason": str(error)},
            now=now,
        )
        return None


def _scheduled_run(plan: Schedule, now: datetime) -> TrainingRun:
    check_ready()
    new = label_counts.new_final_findings()
    if new < plan.minimum_new_readings:
        raise TooFewNewFindings(
            _("%(new)d new final findings since the last run; the schedule requires %(required)d.")
            % {"new": new, "required": plan.minimum_new_readings}
        )
    return start_run(by=None, parameters=Parameters.of(plan.recipe), trigger=Trigger.SCHEDULE, now=now)


def start_after_findings(*, now: datetime) -> TrainingRun | None:
    """Start a run when enough final findings were signed here since the last one of this kind.

    A failed run counts too: its findings would start the next one at once, and that would fail as well.
    """
    plan = runs.schedule()
    if not plan.after_findings or run_control.reason_not_ready():
        return None
    last = runs.runs().filter(Q(status=JobStatus.DONE) | Q(trigger=Trigger.FINDINGS)).first()
    if label_counts.new_final_findings(since=last) < plan.after_findings:
        return None
    try:
        return start_run(by=None, parameters=Parameters.of(plan.recipe), trigger=Trigger.FINDINGS, now=now)
    except DomainError:
        return None  # it became impossible a moment ago; the page of training says why
