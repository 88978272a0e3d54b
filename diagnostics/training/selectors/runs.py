"""What may be known of training: the runs and the schedule."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet

from diagnostics.audit import selectors as audit
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.jobs.models import OPEN_STATUSES
from diagnostics.training import policy
from diagnostics.training.models import Schedule, TrainingRun

PICTURES: Final = ("curves", "confusion", "roc")
CHECKPOINTS: Final = "checkpoints"


def runs() -> QuerySet[TrainingRun]:
    """List all runs, the newest first."""
    return TrainingRun.objects.select_related("started_by", "parent", "candidate")


def open_run() -> TrainingRun | None:
    """Find the run that waits or works now."""
    return runs().filter(status__in=OPEN_STATUSES).first()


def schedule() -> Schedule:
    """Read the schedule; a switched-off one where nobody has set any."""
    return Schedule.objects.select_related("changed_by").first() or Schedule()


def next_look(plan: Schedule) -> datetime | None:
    """Say when the clock asks again whether to train; None while the schedule is off."""
    if not plan.enabled or plan.changed_at is None:
        return None
    return policy.next_slot(
        changed_at=plan.changed_at,
        considered_at=plan.last_considered_at,
        every_days=plan.every_days,
        at_hour=plan.at_hour,
        zone=ZoneInfo(settings.TIME_ZONE),
    )


def folder(run: TrainingRun) -> Path:
    """Say where a run keeps its snapshot, pictures and bundle."""
    return Path(settings.RUNS) / str(run.pk)


def checkpoints(run: TrainingRun) -> Path:
    """Say where a run keeps its epochs for as long as it is under way."""
    return folder(run) / CHECKPOINTS


def pictures(run: TrainingRun) -> frozenset[str]:
    """Name the pictures that a run has drawn so far."""
    return frozenset(name for name in PICTURES if (folder(run) / f"{name}.svg").is_file())


def last_scheduled_refusal() -> AuditEvent | None:
    """Find what the clock put on record when it last started nothing, unless a run followed."""
    event = audit.events(action=Action.SCHEDULE_EVALUATED).first()
    if event is None or TrainingRun.objects.filter(queued_at__gt=event.at).exists():
        return None
    return event
