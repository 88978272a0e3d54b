"""TODO: diagnostics.training.services.schedule."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import DomainError
from diagnostics.training.errors import (
    InvalidSchedule,
    TooFewNewReadings,
)
from diagnostics.training.models import Schedule, TrainingRun, Trigger
from diagnostics.training.policy import Parameters
from diagnostics.training.selectors import labels, runs
from diagnostics.training.services.permissions import require_training
from diagnostics.training.services.run_control import check_ready, start_run

MAX_DAYS: Final = 365


@transaction.atomic
def set_schedule(
    *, by: User, enabled: bool, every_days: int, at_hour: int, minimum_new_readings: int, now: datetime
) -> Schedule:
    """Say when training starts by itself."""
    require_training(by)
    if not (1 <= every_days <= MAX_DAYS and 0 <= at_hour <= 23 and minimum_new_readings >= 1):
        raise InvalidSchedule(_("Choose 1 to 365 days, an hour from 0 to 23, and at least 1 new finding."))
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


def evaluate_schedule(*, now: datetime) -> TrainingRun | None:
    """Start the scheduled run when it is due and worth it; otherwise put on record why not."""
    plan = runs.schedule()
    due = runs.next_look(plan)
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
            action=Action.SCHEDULE_EVALUATED,
            by=None,
            target=plan,
            detail={"not_started": refusal.code, "reason": str(refusal)},
            now=now,
        )
        return None


def _scheduled_run(plan: Schedule, now: datetime) -> TrainingRun:
    check_ready()
    new = labels.new()
    if new < plan.minimum_new_readings:
        raise TooFewNewReadings(
            _("Only %(new)d new findings since the last run; the schedule waits for %(need)d.")
            % {"new": new, "need": plan.minimum_new_readings}
        )
    return start_run(by=None, parameters=Parameters(), trigger=Trigger.SCHEDULE, now=now)
