"""Withdrawal of a case: nobody reads or scores it any more; its record stays, and it can be reinstated."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db.models import Q

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.errors import failure_text
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import retry
from diagnostics.cases.services.enqueue import enqueue_prediction_on_commit
from diagnostics.jobs.models import JobStatus

WITHDRAWN: Final = "withdrawn"  # failure code of a prediction that was not computed
READ: Final = "to be read"  # what a correction keeps: whether the case was on the worklist
NOT_READ: Final = "not on the worklist"


def withdraw(case: Case, _value: str, by: User, now: datetime) -> tuple[str, str]:
    """Withdraw a case and its control copies, and fail their queued predictions."""
    old = READ if case.on_worklist else NOT_READ
    everything = Q(pk=case.pk) | Q(copy_of=case)
    Case.objects.filter(everything).update(withdrawn_at=now, on_worklist=False)
    queued = Prediction.objects.filter(Q(case=case) | Q(case__copy_of=case), status=JobStatus.QUEUED)
    queued.update(**Prediction.failure_columns(code=WITHDRAWN, text=failure_text(WITHDRAWN), now=now))
    return old, WITHDRAWN


def reinstate(case: Case, _value: str, by: User, now: datetime) -> tuple[str, str]:
    """Undo the withdrawal of a case, and queue the predictions that it stopped. Control copies stay out."""
    if case.withdrawn_at is None:
        return "", ""
    withdrawn = case.corrections.filter(new=WITHDRAWN).order_by("-at").first()
    was_read = withdrawn is None or withdrawn.old == READ
    Case.objects.filter(pk=case.pk).update(withdrawn_at=None, on_worklist=was_read)
    for stopped in case.predictions.filter(status=JobStatus.FAILED, failure_code=WITHDRAWN)[:1]:
        prediction = retry.reset(stopped, JobStatus.FAILED, stopped.version, now)
        enqueue_prediction_on_commit(prediction.pk, case.priority)
    return WITHDRAWN, READ if was_read else NOT_READ


def score_again(case: Case, *, by: User, now: datetime) -> None:
    """Queue the newest prediction again: the quality gate judges a lateral view otherwise."""
    latest = case.predictions.select_for_update(of=("self",)).first()  # no worker claims it until the commit
    if latest is None or latest.status in (JobStatus.QUEUED, JobStatus.FAILED):
        return
    if latest.token:  # its worker computes with the earlier view, and loses the claim
        Prediction.release(latest.pk, token=latest.token, resend_at=now, **retry.NO_OVERRIDE)
    else:
        retry.reset(latest, JobStatus.DONE, latest.version, now)
        Prediction.objects.filter(pk=latest.pk).update(**retry.NO_OVERRIDE)
    detail = {"version": str(latest.version)}
    audit.record(action=Action.PREDICTION_REQUESTED, by=by, target=case, detail=detail, now=now)
    enqueue_prediction_on_commit(latest.pk, case.priority)
