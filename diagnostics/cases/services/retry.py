"""A new prediction of a case by the active version."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors
from diagnostics.cases.errors import AlreadyPredicted, AlreadyRunning, CaseWithdrawn, NoActiveVersion
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services.enqueue import enqueue_prediction_on_commit
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion

NO_OVERRIDE: Final = {"override_reason": "", "override_by": None, "override_at": None}


@transaction.atomic
def retry(*, case: Case, by: User, now: datetime) -> Prediction:
    """Queue a prediction by the active version, unless it has one whose files are intact.

    Raises CaseWithdrawn, NoActiveVersion, AlreadyPredicted, AlreadyRunning.
    """
    require(by, Permission.RETRY)
    require_not_withdrawn(case)
    version = registry.active_version()
    if version is None:
        raise no_active_version()
    done = selectors.done_prediction(case, version)
    if done is not None and not selectors.has_damaged_files(done):
        raise AlreadyPredicted(
            _("Version %(version)s already has a result for this radiograph.") % {"version": version}
        )
    prediction = _queue_again(case, version, done, now)
    audit.record(
        action=Action.PREDICTION_REQUESTED, by=by, target=case, detail={"version": str(version)}, now=now
    )
    enqueue_prediction_on_commit(prediction.pk, case.priority)
    return prediction


def is_retry_useful(latest: Prediction | None, active_version: ModelVersion | None) -> bool:
    """Return whether a retry can give a result: none yet, a failure, another version's, or damaged files."""
    if latest is None:  # an imported case
        return active_version is not None
    if latest.status in OPEN_STATUSES:
        return False
    is_other_version = active_version is not None and latest.version_id != active_version.pk
    return latest.status == JobStatus.FAILED or is_other_version or selectors.has_damaged_files(latest)


def reset(
    prediction: Prediction, status: JobStatus, version: ModelVersion | None, now: datetime
) -> Prediction:
    """Queue a finished prediction again as the same row; raises AlreadyRunning."""
    other_version = prediction.version_id != (version.pk if version else None)
    try:
        with transaction.atomic():
            reset = Prediction.objects.filter(pk=prediction.pk, status=status).update(
                status=JobStatus.QUEUED,
                version=version,
                attempts=0,
                lost_attempts=0,
                queued_at=now,
                started_at=None,
                finished_at=None,
                failure_code="",
                failure_text="",
                **(NO_OVERRIDE if other_version else {}),
            )
    except IntegrityError as error:  # another prediction of the case is open
        raise _already_running() from error
    if not reset:
        raise _already_running()
    return Prediction.objects.get(pk=prediction.pk)


def require_not_withdrawn(case: Case) -> None:
    """Raise CaseWithdrawn for a case that is neither read nor scored any more."""
    if case.withdrawn_at is not None:
        raise CaseWithdrawn(_("This case was withdrawn. An administrator can reinstate it."))


def no_active_version() -> NoActiveVersion:
    """Return the error of an installation without an active version."""
    return NoActiveVersion(_("No model version is active. Ask an administrator to promote one."))


def _queue_again(case: Case, version: ModelVersion, damaged: Prediction | None, now: datetime) -> Prediction:
    latest = selectors.latest_prediction(case)
    if damaged is not None:  # computed again as the same row: a version has one prediction of a case
        return reset(damaged, JobStatus.DONE, version, now)
    if latest is None or latest.status == JobStatus.DONE:
        return _queue_new(case, version, now)
    return reset(latest, JobStatus.FAILED, version, now)


def _queue_new(case: Case, version: ModelVersion, now: datetime) -> Prediction:
    try:
        with transaction.atomic():
            return Prediction.objects.create(case=case, version=version, queued_at=now)
    except IntegrityError as error:
        raise _already_running() from error


def _already_running() -> AlreadyRunning:
    return AlreadyRunning(_("The AI result of this radiograph is already being computed."))
