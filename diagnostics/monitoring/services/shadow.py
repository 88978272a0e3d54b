"""Starting and ending shadow runs."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring.errors.shadow import (
    NoShadowRunning,
    NothingToCompare,
    ShadowRunning,
    VersionDamaged,
    VersionIsActive,
)
from diagnostics.monitoring.models import ShadowEnd, ShadowRun
from diagnostics.monitoring.selectors import shadow as selectors
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion, Promotion
from ml.errors import BundleError
from ml.networks import bundle


@transaction.atomic
def start(*, version: ModelVersion, by: User, now: datetime) -> ShadowRun:
    """Let a version score each new case of the active version, unseen by readers.

    Raises NotAllowed, NothingToCompare, VersionIsActive, VersionDamaged or ShadowRunning.
    """
    require(by, Permission.PROMOTE)
    end_replaced(now=now)
    run = _create(version=version, against=_deployment(version), by=by, now=now)
    detail = {"version": version.number, "against": run.against.version.number}
    audit.record(action=Action.SHADOW_STARTED, by=by, target=run, detail=detail, now=now)
    return run


@transaction.atomic
def end(*, version: ModelVersion, by: User, now: datetime) -> ShadowRun:
    """End the shadow run of a version and drop its queued jobs; raises NotAllowed or NoShadowRunning."""
    require(by, Permission.PROMOTE)
    run = selectors.open_runs().filter(version=version).first()
    if run is None or not _close(run, by=by, at=now, cause=ShadowEnd.USER, now=now):
        raise NoShadowRunning(_("%(version)s has no shadow run. Start one first.") % {"version": version})
    return run


@transaction.atomic
def end_replaced(*, now: datetime) -> int:
    """End the shadow runs whose deployment has ended, as by a promotion or roll-back; return how many."""
    ended = 0
    for run in selectors.open_runs().filter(against__until__isnull=False):
        assert run.against.until is not None
        ended += _close(run, by=None, at=run.against.until, cause=ShadowEnd.PROMOTION, now=now)
    return ended


def _deployment(version: ModelVersion) -> Promotion:
    """Return the current deployment, which the version is compared with."""
    current = registry.current_promotion()
    if current is None:
        raise NothingToCompare(_("No model version is active. Promote a version first."))
    if current.version_id == version.pk:
        raise VersionIsActive(_("%(version)s is active: readers see its results.") % {"version": version})
    try:
        bundle.verify(registry.bundle_path(version))
    except BundleError as error:
        text = _("The files of %(version)s are missing or damaged. Restore them from a backup first.")
        raise VersionDamaged(text % {"version": version}) from error
    return current


def _create(*, version: ModelVersion, against: Promotion, by: User, now: datetime) -> ShadowRun:
    oldest = selectors.oldest_open_prediction()
    try:
        with transaction.atomic():
            return ShadowRun.objects.create(
                version=version,
                against=against,
                operating_points=registry.deployed_points(version),
                started_by=by,
                started_at=now,
                covers_from=min(now, oldest) if oldest else now,
            )
    except IntegrityError as error:
        raise ShadowRunning(_("Another shadow run is open. End it first.")) from error


def _close(run: ShadowRun, *, by: User | None, at: datetime, cause: ShadowEnd, now: datetime) -> bool:
    """End a run at a time; False where it has ended already."""
    columns = {"ended_at": at, "ended_by": by, "end": cause}
    if not ShadowRun.objects.filter(pk=run.pk, ended_at=None).update(**columns):
        return False
    run.predictions.filter(status=JobStatus.QUEUED).delete()
    detail = {"version": run.version.number, "cause": cause.value} | selectors.counts_by_status(run.pk)
    audit.record(action=Action.SHADOW_ENDED, by=by, target=run, detail=detail, now=now)
    run.refresh_from_db()
    return True
