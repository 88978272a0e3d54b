"""Deliveries whose worker died, whose message was lost, whose next try is due, or whose log entry is old."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from diagnostics.integrations import tasks
from diagnostics.integrations.errors.webhooks import webhook_problem
from diagnostics.integrations.models import WebhookDelivery
from diagnostics.integrations.policy.webhook_schedule import LEASE
from diagnostics.integrations.selectors.webhooks import SENT_AGAIN_AFTER, due_deliveries
from diagnostics.jobs import enqueue, requeue
from diagnostics.jobs.models import JobStatus
from diagnostics.jobs.requeue import RequeueRules

KEPT: Final = timedelta(days=30)
MOST_MESSAGES: Final = 200  # of one run


def requeue_due(*, now: datetime) -> int:
    """Requeue lost deliveries and send the messages of due ones; return how many."""
    requeue.postpone_doubtful_leases(RULES, now=now)
    requeued = requeue.requeue_lost(RULES, requeue.lost_jobs(RULES, now=now), now=now)
    due = due_deliveries(now=now)[:MOST_MESSAGES]
    return requeued + requeue.resend_overdue(RULES, due, now=now)


def prune(*, now: datetime) -> int:
    """Delete the ended deliveries of more than thirty days ago; return how many."""
    ended = WebhookDelivery.objects.filter(status__in=[JobStatus.DONE, JobStatus.FAILED])
    _rows, by_model = ended.filter(finished_at__lt=now - KEPT).delete()
    return by_model.get("integrations.WebhookDelivery", 0)


def _enqueue(delivery: WebhookDelivery) -> bool:
    return enqueue.enqueue(tasks.deliver, delivery.pk)


def _no_audit(delivery: WebhookDelivery, code: str, now: datetime) -> None:
    """The delivery log is the record of deliveries."""


RULES: Final = RequeueRules(
    WebhookDelivery,
    enqueue=_enqueue,
    failure_text=webhook_problem,
    record_failure=_no_audit,
    resend_after=SENT_AGAIN_AFTER,
    longest_pause=timedelta(minutes=5),
    lease=LEASE,
)
