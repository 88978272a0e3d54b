"""The jobs of shadow runs: created from finished predictions, sent while no case waits, requeued."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.errors import failure_text
from diagnostics.jobs import enqueue, requeue
from diagnostics.jobs.requeue import RequeueRules
from diagnostics.monitoring.models import ShadowPrediction, ShadowRun
from diagnostics.monitoring.selectors import shadow as selectors
from diagnostics.monitoring.services.shadow import end_replaced
from diagnostics.monitoring.tasks import shadow as tasks

MOST_SENT: Final = 10  # messages in the broker: a new case waits for one of them at most


def advance(*, now: datetime) -> int:
    """End replaced runs, queue the new cases of the open one and send messages; return the number sent."""
    end_replaced(now=now)
    for run in selectors.open_runs():
        queue_new(run, now=now)
    requeue.postpone_doubtful_leases(RULES, now=now)
    requeue.requeue_lost(RULES, requeue.lost_jobs(RULES, now=now), now=now)
    if selectors.is_prediction_queued():  # cases come first
        return 0
    return requeue.resend_overdue(RULES, selectors.due_messages(now=now, most=MOST_SENT), now=now)


@transaction.atomic
def queue_new(run: ShadowRun, *, now: datetime) -> int:
    """Create a job for each case that the active version has scored since; return how many."""
    rows = [
        ShadowPrediction(run=run, case_id=each.case_id, prediction=each, queued_at=now)
        for each in selectors.unscored_predictions(run)
    ]
    # A second scheduler may create the same rows at the same time.
    ShadowPrediction.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _enqueue(job: ShadowPrediction) -> bool:
    return enqueue.enqueue(tasks.score, job.pk)


def _record_failure(job: ShadowPrediction, code: str, now: datetime) -> None:
    detail = {"shadow_prediction": str(job.pk), "code": code}
    audit.record(action=Action.SHADOW_SCORE_FAILED, by=None, target=job.run, detail=detail, now=now)


RULES: Final = RequeueRules(
    ShadowPrediction,
    enqueue=_enqueue,
    failure_text=failure_text,
    record_failure=_record_failure,
    resend_after=timedelta(seconds=10),
    longest_pause=timedelta(minutes=5),
    lease=settings.INFERENCE_LEASE,
)
