"""The score of a radiograph that the quality gate has stopped, demanded by a person with a reason."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors
from diagnostics.cases.errors import InvalidField, NotStopped
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import retry
from diagnostics.cases.services.enqueue import enqueue_prediction_on_commit
from diagnostics.cases.upload_validation import checked_reason
from diagnostics.jobs.models import JobStatus
from diagnostics.registry import selectors as registry


@transaction.atomic
def override_quality_gate(*, case: Case, reason: str, by: User, now: datetime) -> Prediction:
    """Queue the stopped prediction of a case again, to be scored; raises InvalidField, NotStopped.

    The reason belongs to this one prediction: that of another model version is stopped again.
    """
    require(by, Permission.OVERRIDE_QUALITY_GATE)
    reason = _checked(reason, case)
    retry.require_not_withdrawn(case)
    stopped = selectors.stopped_prediction(case)
    if stopped is None:
        raise NotStopped(_("The quality gate has not stopped this radiograph. Reload the page."))
    version = stopped.version or registry.active_version()
    if version is None:
        raise retry.no_active_version()
    prediction = retry.reset(stopped, JobStatus.DONE, version, now)
    Prediction.objects.filter(pk=prediction.pk).update(
        override_reason=reason, override_by=by, override_at=now
    )
    detail = {"prediction": str(prediction.pk), "code": stopped.quality_code, "reason": reason}
    audit.record(action=Action.QUALITY_GATE_OVERRIDDEN, by=by, target=case, detail=detail, now=now)
    enqueue_prediction_on_commit(prediction.pk, case.priority)
    return prediction


def _checked(reason: str, case: Case) -> str:
    reason = checked_reason(reason)
    if case.patient_ref.lower() in reason.lower():
        raise InvalidField("reason_names_patient", _("Please give the reason without the patient reference."))
    return reason
