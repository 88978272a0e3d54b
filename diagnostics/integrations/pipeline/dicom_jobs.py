"""What the jobs of DICOM nodes share: claim, back-off of the node, failure, audit."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import StorageUnavailable
from diagnostics.integrations.errors.dicom import NodeError, NodePassingError, failure_text
from diagnostics.integrations.models import DicomNode
from diagnostics.integrations.policy.dicom import JOB_LEASE, pause_after
from diagnostics.jobs import storage_wait
from diagnostics.jobs.errors import JobError, LeaseLost, failure_code_of
from diagnostics.jobs.lease import Clock, Lease
from diagnostics.jobs.models import Job, JobStatus

MAX_SECONDS: Final = 110.0  # then the lease of a hanging worker ends; Celery kills its task after 120 s
J = TypeVar("J", bound=Job)
logger = logging.getLogger(__name__)


def run(
    job_type: type[J], job_id: uuid.UUID, exchange: Callable[[J, Lease], dict[str, Any]], *, clock: Clock
) -> None:
    """Claim a job, do its exchange with the node, and store the columns that it returns.

    After a passing failure the node rests: all of its jobs wait until it is tried again.
    """
    if _is_resting(job_type, job_id, clock()):
        return
    lease = Lease.claim(job_type, job_id, duration=JOB_LEASE, clock=clock)
    if lease is None:
        return
    job: Any = job_type._default_manager.select_related("node").get(pk=job_id)
    try:
        if not job.node.is_active:
            raise JobError("node_inactive")
        with lease.heartbeat(at_most=MAX_SECONDS):
            result = exchange(job, lease)
        _finish(job, lease, result)
    except LeaseLost:
        logger.warning("job %s was requeued or claimed by another worker", job_id)
    except (OperationalError, InterfaceError):
        logger.warning("the database is unavailable: job %s is requeued later", job_id)
    except StorageUnavailable:
        storage_wait.requeue(lease, job_type)
    except NodePassingError as error:
        _postpone(job, lease, error.code)
    except (NodeError, JobError) as error:
        _fail(job, lease, error.code)
    except Exception as error:
        logger.error("job %s raised %s", job_id, type(error).__name__)
        _fail(job, lease, failure_code_of(error))


def _is_resting(job_type: type[Job], job_id: uuid.UUID, now: datetime) -> bool:
    """Return whether the node of a queued job rests; the next message is then sent after its pause."""
    queued: QuerySet[Any] = job_type._default_manager.filter(pk=job_id, status=JobStatus.QUEUED)
    job = queued.select_related("node").first()
    retry_at = job.node.retry_at if job else None
    if retry_at is None or retry_at <= now:
        return False
    queued.update(lease_until=retry_at)
    return True


@transaction.atomic
def _finish(job: Any, lease: Lease, result: dict[str, Any]) -> None:
    action = result.pop("action", None)
    done = type(job).finish(job.pk, token=lease.token, now=lease.clock(), failure_text="", **result)
    DicomNode.objects.filter(pk=job.node_id).update(failures=0, retry_at=None)
    if done and action is not None:
        detail = {"case": str(job.case_id), "kind": job.kind, "instance": job.sop_instance_uid}
        audit.record(action=action, by=None, target=job.node, detail=detail, now=lease.clock())


@transaction.atomic
def _postpone(job: Any, lease: Lease, code: str) -> None:
    now, failures = lease.clock(), job.node.failures + 1
    retry_at = now + pause_after(failures)
    DicomNode.objects.filter(pk=job.node_id).update(failures=failures, retry_at=retry_at)
    columns = {"failures": F("failures") + 1, "failure_code": code, "failure_text": failure_text(code)}
    type(job).release(job.pk, token=lease.token, resend_at=retry_at, **columns)


@transaction.atomic
def _fail(job: Any, lease: Lease, code: str) -> None:
    now = lease.clock()
    if type(job).fail(job.pk, token=lease.token, code=code, text=failure_text(code), now=now):
        detail = {"node": str(job.node_id), "job": str(job.pk), "code": code}
        audit.record(action=Action.DICOM_JOB_FAILED, by=None, target=job.node, detail=detail, now=now)
