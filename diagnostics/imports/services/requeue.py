"""Requeues imports whose worker died, and enqueues those whose message was lost."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.imports import tasks
from diagnostics.imports.errors import failure_text
from diagnostics.imports.models import Import
from diagnostics.jobs import enqueue, requeue
from diagnostics.jobs.requeue import RequeueRules


def enqueue_import_on_commit(import_id: uuid.UUID) -> None:
    """Send the message of a queued import once the current transaction is committed."""
    enqueue.enqueue_on_commit(tasks.import_batch, import_id)


def requeue_lost(*, now: datetime) -> int:
    """Requeue lost imports and enqueue overdue ones again; return how many."""
    return requeue.requeue_all(RULES, now=now)


def _enqueue(import_job: Import) -> bool:
    return enqueue.enqueue(tasks.import_batch, import_job.pk)


def _record_failure(import_job: Import, code: str, now: datetime) -> None:
    detail = {"number": import_job.number, "code": code}
    audit.record(action=Action.IMPORT_FAILED, by=None, target=import_job, detail=detail, now=now)


RULES: Final = RequeueRules(
    Import,
    enqueue=_enqueue,
    failure_text=failure_text,
    record_failure=_record_failure,
    resend_after=timedelta(seconds=30),
    longest_pause=timedelta(minutes=5),
    lease=settings.IMPORT_LEASE,
)
