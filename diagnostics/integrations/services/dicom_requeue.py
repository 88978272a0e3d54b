"""Sends the messages of DICOM jobs, requeues those whose worker died, and repeats lost messages."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.integrations import tasks
from diagnostics.integrations.errors.dicom import failure_text
from diagnostics.integrations.models import ResultDelivery, StorageCommitment, StudyRetrieval
from diagnostics.integrations.policy.dicom import JOB_LEASE, LONGEST_PAUSE
from diagnostics.jobs import enqueue, requeue
from diagnostics.jobs.models import Job
from diagnostics.jobs.requeue import RequeueRules


def enqueue_delivery_on_commit(delivery_id: uuid.UUID) -> None:
    """Send the message of a queued result once the current transaction is committed."""
    enqueue.enqueue_on_commit(tasks.send_result, delivery_id)


def enqueue_commitment_on_commit(request_id: uuid.UUID) -> None:
    """Send the message of a request of storage commitment once the transaction is committed."""
    enqueue.enqueue_on_commit(tasks.report_commitment, request_id)


def enqueue_retrieval_on_commit(retrieval_id: uuid.UUID) -> None:
    """Send the message of a retrieval once the current transaction is committed."""
    enqueue.enqueue_on_commit(tasks.retrieve_study, retrieval_id)


def requeue_lost(*, now: datetime) -> int:
    """Requeue lost jobs and send overdue messages again; return how many."""
    return sum(requeue.requeue_all(rules, now=now) for rules in RULES)


def _enqueue(task: Any, job: Job) -> bool:
    return enqueue.enqueue(task, job.pk)


def _record_failure(job: Any, code: str, now: datetime) -> None:
    detail = {"node": str(job.node_id), "job": str(job.pk), "code": code}
    audit.record(action=Action.DICOM_JOB_FAILED, by=None, target=job.node, detail=detail, now=now)


def _rules(job_type: type[Job], task: Any) -> RequeueRules[Any]:
    return RequeueRules(
        job_type,
        enqueue=partial(_enqueue, task),
        failure_text=failure_text,
        record_failure=_record_failure,
        resend_after=timedelta(seconds=10),
        longest_pause=LONGEST_PAUSE,
        lease=JOB_LEASE,
    )


RULES: Final = (
    _rules(ResultDelivery, tasks.send_result),
    _rules(StorageCommitment, tasks.report_commitment),
    _rules(StudyRetrieval, tasks.retrieve_study),
)
