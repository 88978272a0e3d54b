"""Queries of training runs and the schedule, and the files of a run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet

from diagnostics.audit.models import Action, AuditEvent
from diagnostics.audit.selectors import events
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.stores.base import StoredFile
from diagnostics.stores.on_disk import DiskStore
from diagnostics.training import policy, snapshot
from diagnostics.training.models import Schedule, TrainingRun

PLOTS: Final = ("curves", "confusion", "roc")
CHECKPOINTS: Final = "checkpoints"


def runs() -> QuerySet[TrainingRun]:
    """Return all runs, newest first."""
    return TrainingRun.objects.select_related("started_by", "parent", "candidate")


def open_run() -> TrainingRun | None:
    """Return the queued or running run."""
    return runs().filter(status__in=OPEN_STATUSES).first()


def schedule() -> Schedule:
    """Return the schedule; a disabled one if none was saved."""
    return Schedule.objects.select_related("changed_by").first() or Schedule()


def next_evaluation(plan: Schedule) -> datetime | None:
    """Return the next evaluation of the schedule; None while it is disabled."""
    if not plan.enabled or plan.changed_at is None:
        return None
    return policy.next_slot(
        changed_at=plan.changed_at,
        evaluated_at=plan.last_evaluated_at,
        every_days=plan.every_days,
        at_hour=plan.at_hour,
        zone=ZoneInfo(settings.TIME_ZONE),
    )


def last_skipped_evaluation() -> AuditEvent | None:
    """Return the audit record of the last evaluation that started no run, unless a run followed."""
    event = events.last(Action.SCHEDULED_RUN_SKIPPED)
    if event is None or TrainingRun.objects.filter(queued_at__gt=event.at).exists():
        return None
    return event


def folder(run: TrainingRun) -> Path:
    """Return the folder of a run's snapshot, plots and bundle."""
    return Path(settings.RUNS) / str(run.pk)


def checkpoints(run: TrainingRun) -> Path:
    """Return the folder of a run's checkpoints."""
    return folder(run) / CHECKPOINTS


def has_checkpoints(run: TrainingRun) -> bool:
    """Return whether a run that failed can be resumed."""
    folder = checkpoints(run)
    return run.status == JobStatus.FAILED and folder.is_dir() and any(folder.iterdir())


def progress(run: TrainingRun) -> int:
    """Return the completed epochs and trust checks of a run's last attempt."""
    return run.epochs.count() + run.checks_done


def available_plots(run: TrainingRun) -> frozenset[str]:
    """Return the names of the plots that a run has written so far."""
    return frozenset(name for name in PLOTS if (folder(run) / f"{name}.svg").is_file())


def stored_files() -> Iterator[StoredFile]:
    """Yield the snapshot of every run that has one; the other files of a run can be made again."""
    for run in TrainingRun.objects.exclude(snapshot_sha256="").order_by("number"):
        name = f"{run.pk}/{snapshot.FILE}"
        yield StoredFile("snapshot", str(run.pk), name, run.snapshot_sha256, DiskStore(Path(settings.RUNS)))
