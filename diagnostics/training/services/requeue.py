"""Requeues the training run whose worker died, and enqueues one whose message was lost."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.jobs import enqueue, requeue
from diagnostics.jobs.requeue import RequeueRules
from diagnostics.training import tasks
from diagnostics.training.errors import failure_text
from diagnostics.training.models import UNSTARTED, TrainingRun
from diagnostics.training.selectors import runs


def enqueue_run_on_commit(run_id: uuid.UUID) -> None:
    """Send the message of a queued run once the current transaction is committed."""
    enqueue.enqueue_on_commit(tasks.train, run_id)


def requeue_lost(*, now: datetime) -> int:
    """Requeue the lost run and enqueue an overdue one again; return how many."""
    return requeue.requeue_all(RULES, now=now)


def _enqueue(run: TrainingRun) -> bool:
    return enqueue.enqueue(tasks.train, run.pk)


def _record_failure(run: TrainingRun, code: str, now: datetime) -> None:
    detail = {"number": run.number, "code": code}
    audit.record(action=Action.RUN_FAILED, by=None, target=run, detail=detail, now=now)


RULES: Final = RequeueRules(
    TrainingRun,
    enqueue=_enqueue,
    failure_text=failure_text,
    record_failure=_record_failure,
    resend_after=timedelta(seconds=30),
    longest_pause=timedelta(minutes=5),
    lease=settings.TRAINING_LEASE,
    progress_of=runs.progress,
    reset=UNSTARTED,
)
