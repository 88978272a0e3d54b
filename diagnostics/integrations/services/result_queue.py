"""Queues the AI results that a node should get by its policy, and repeats failed deliveries."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import latest_done_prediction, with_predictions
from diagnostics.integrations.errors.dicom import NotRetryable
from diagnostics.integrations.models import DicomNode, ResultDelivery
from diagnostics.integrations.models.dicom_deliveries import ResultKind
from diagnostics.integrations.models.dicom_nodes import ResultPolicy
from diagnostics.integrations.result_objects.uids import instance_uid
from diagnostics.integrations.selectors.dicom import cases_due_for
from diagnostics.integrations.services.dicom_requeue import enqueue_delivery_on_commit
from diagnostics.jobs.models import JobStatus

MAX_CASES: Final = 100  # of one node and one periodic task


def queue_due_results(*, now: datetime, within: timedelta | None = None) -> int:
    """Queue the results that are due; return the number of deliveries.

    With `within`, only those of cases signed so recently.
    """
    nodes = DicomNode.objects.filter(is_active=True).exclude(result_policy=ResultPolicy.NEVER)
    return sum(_queue_for(node, now, within) for node in nodes.select_related("site"))


def _queue_for(node: DicomNode, now: datetime, within: timedelta | None) -> int:
    due = cases_due_for(node, now=now, within=within).order_by("opened_at")
    return sum(_queue_result(node, case, now) for case in with_predictions(due)[:MAX_CASES])


@transaction.atomic
def _queue_result(node: DicomNode, case: Case, now: datetime) -> int:
    """Queue both objects of the newest result; 0 without a result, or if another task was faster."""
    prediction = latest_done_prediction(case)
    if prediction is None or prediction.version is None:
        return 0
    deliveries = [
        ResultDelivery(
            case=case,
            prediction=prediction,
            node=node,
            kind=kind,
            sop_instance_uid=instance_uid(case.pk, prediction.version.pk, kind),
            queued_at=now,
        )
        for kind in ResultKind
    ]
    try:
        with transaction.atomic():
            ResultDelivery.objects.bulk_create(deliveries)
    except IntegrityError:
        return 0
    for delivery in deliveries:
        enqueue_delivery_on_commit(delivery.pk)
    return len(deliveries)


@transaction.atomic
def retry_delivery(*, delivery: ResultDelivery, by: User, now: datetime) -> None:
    """Queue a failed delivery again; raises NotAllowed, NotRetryable."""
    require(by, Permission.MANAGE_INTEGRATIONS)
    queued = ResultDelivery.objects.filter(pk=delivery.pk, status=JobStatus.FAILED).update(
        status=JobStatus.QUEUED,
        queued_at=now,
        lost_attempts=0,
        lease_until=None,
        finished_at=None,
        failure_code="",
        failure_text="",
    )
    if not queued:
        raise NotRetryable(_("Only a failed delivery can be retried. Reload the page to see its status."))
    DicomNode.objects.filter(pk=delivery.node_id).update(retry_at=None)
    detail = {"case": str(delivery.case_id), "kind": delivery.kind}
    audit.record(action=Action.RESULT_RETRIED, by=by, target=delivery.node, detail=detail, now=now)
    enqueue_delivery_on_commit(delivery.pk)
