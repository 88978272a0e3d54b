"""The schedule of training: changes, and the periodic evaluation."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import DomainError
from diagnostics.training.errors import InvalidSchedule, TooFewNewFindings
from diagnostics.training.models import Schedule, TrainingRun, Trigger
from diagnostics.training.policy import Parameters
from diagnostics.training.selectors import labels, runs
from diagnostics.training.services.run_control import check_ready, start_run

MAX_DAYS: Final = 365


@transaction.atomic
def set_schedule(
    *, by: User, enabled: bool, every_days: int, at_hour: int, minimum_new_readings: int, now: datetime
) -> Schedule:
    """Save the schedule; raises NotAllowed or InvalidSchedule."""
    require(by, Permission.TRAIN)
    if not (1 <= every_days <= MAX_DAYS and 0 <= at_hour <= 23 and minimum_new_readings >= 1):
        raise InvalidSchedule(_("Choose 1 to 365 days, an hour from 0 to 23, and at least 1 new finding."))
    values = {
        "enabled": enabled,
        "every_days": every_days,
        "at_hour": at_hour,
        "minimum_new_readings": minimum_new_readings,
    }
    plan, _created = Schedule.objects.update_or_create(
        pk=1, defaults={**values, "changed_by": by, "changed_at": now}
    )
    audit.record(action=Action.SCHEDULE_CHANGED, by=by, target=plan, detail=values, now=now)
    return plan


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
    new = labels.new_labels()
    if new < plan.minimum_new_readings:
        raise TooFewNewFindings(
            _("%(new)d new findings since the last run; the schedule requires %(required)d.")
            % {"new": new, "required": plan.minimum_new_readings}
        )
    return start_run(by=None, parameters=Parameters(), trigger=Trigger.SCHEDULE, now=now)
