"""TODO: diagnostics.cases.services.retry."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors
from diagnostics.cases.errors import AlreadyPredicted, AlreadyRunning, NoActiveVersion
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services.enqueue import enqueue_prediction_on_commit
from diagnostics.cases.services.permissions import require
from diagnostics.jobs.models import JobStatus
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion


@transaction.atomic
def retry(*, case: Case, by: User, now: datetime) -> Prediction:
    """Ask the version in force for an answer after a failure, or after another version's answer."""
    require(by, Permission.RETRY)
    version = registry.active_version()
    if version is None:
        raise NoActiveVersion(_("No model version is in force. Ask an administrator to promote one."))
    if selectors.has_prediction(case, version):
        raise AlreadyPredicted(
            _("Version %(version)s has answered for this radiograph.") % {"version": version}
        )
    prediction = _queue_again(case, version, now)
    audit.record(action=Action.CASE_RETRIED, by=by, target=case, detail={"version": str(version)}, now=now)
    enqueue_prediction_on_commit(prediction.pk, case.priority)
    return prediction


def _queue_again(case: Case, version: ModelVersion, now: datetime) -> Prediction:
    latest = selectors.latest_prediction(case)
    if latest is None or latest.status == JobStatus.DONE:
        return _queue_new(case, version, now)
    reset = Prediction.objects.filter(pk=latest.pk, status=JobStatus.FAILED).update(
        status=JobStatus.QUEUED,
        version=version,
        attempts=0,
        queued_at=now,
        started_at=None,
        finished_at=None,
        failure_code="",
        failure_text="",
    )
    if not reset:
        raise _already_running()
    return Prediction.objects.get(pk=latest.pk)


def _queue_new(case: Case, version: ModelVersion, now: datetime) -> Prediction:
    try:
        with transaction.atomic():
            return Prediction.objects.create(case=case, version=version, queued_at=now)
    except IntegrityError as trouble:
        raise _already_running() from trouble


def _already_running() -> AlreadyRunning:
    return AlreadyRunning(
        _("The machine is at work on this radiograph already. The answer will appear here.")
    )
