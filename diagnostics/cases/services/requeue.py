"""Requeues predictions whose worker died, and enqueues those whose message was lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors
from diagnostics.cases.errors import failure_text
from diagnostics.cases.models import Prediction
from diagnostics.cases.services.enqueue import enqueue_prediction
from diagnostics.jobs import requeue
from diagnostics.jobs.requeue import RequeueRules

MAX_RESENT: Final = 50  # messages of one periodic task


def requeue_lost(*, now: datetime) -> int:
    """Requeue lost predictions and enqueue overdue ones again; return how many."""
    requeue.postpone_doubtful_leases(RULES, now=now)
    requeued = requeue.requeue_lost(RULES, requeue.lost_jobs(RULES, now=now), now=now)
    overdue = selectors.overdue_for_enqueue(
        now=now, after=RULES.resend_after, longest_pause=RULES.longest_pause, most=MAX_RESENT
    )
    return requeued + requeue.resend_overdue(RULES, overdue, now=now)


def _enqueue(prediction: Prediction) -> bool:
    return enqueue_prediction(prediction.pk, prediction.case.priority)


def _record_failure(prediction: Prediction, code: str, now: datetime) -> None:
    detail = {"prediction": str(prediction.pk), "code": code}
    audit.record(action=Action.PREDICTION_FAILED, by=None, target=prediction.case, detail=detail, now=now)


RULES: Final = RequeueRules(
    Prediction,
    enqueue=_enqueue,
    failure_text=failure_text,
    record_failure=_record_failure,
    resend_after=timedelta(seconds=10),
    longest_pause=timedelta(minutes=5),
    lease=settings.INFERENCE_LEASE,
)
