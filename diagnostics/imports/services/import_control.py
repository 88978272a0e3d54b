"""Starting and stopping an import."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.imports import selectors
from diagnostics.imports.errors import ImportAlreadyRunning, ImportNotRunning, NothingToImport
from diagnostics.imports.models import Import, Stage
from diagnostics.imports.services.requeue import enqueue_import_on_commit
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus


@transaction.atomic
def start_import(*, import_job: Import, by: User, now: datetime) -> None:
    """Queue an import's pending radiographs, for the first time or after a stop or a failure."""
    require(by, Permission.IMPORT)
    if not selectors.pending_files(import_job).exists():
        raise NothingToImport(_("All radiographs of this import have been processed."))
    startable = Import.objects.filter(pk=import_job.pk).exclude(status__in=OPEN_STATUSES)
    if not startable.update(
        stage=Stage.IMPORTING,
        status=JobStatus.QUEUED,
        attempts=0,
        lost_attempts=0,
        stop_requested=False,
        queued_at=now,
        finished_at=None,
        lease_until=None,
        failure_code="",
        failure_text="",
    ):
        raise ImportAlreadyRunning(_("This import is already running."))
    detail = {
        "number": import_job.number,
        "collection": import_job.collection,
        "importer": import_job.importer,
    }
    audit.record(action=Action.IMPORT_STARTED, by=by, target=import_job, detail=detail, now=now)
    enqueue_import_on_commit(import_job.pk)


@transaction.atomic
def stop_import(*, import_job: Import, by: User, now: datetime) -> None:
    """Request a stop after the current radiograph; imported cases stay."""
    require(by, Permission.IMPORT)
    if not Import.objects.filter(pk=import_job.pk, status__in=OPEN_STATUSES, stop_requested=False).update(
        stop_requested=True
    ):
        import_job.refresh_from_db()
        if import_job.status in OPEN_STATUSES:
            return  # already requested
        raise ImportNotRunning(_("This import is not running."))
    detail = {"number": import_job.number}
    audit.record(action=Action.IMPORT_STOP_REQUESTED, by=by, target=import_job, detail=detail, now=now)
    enqueue_import_on_commit(import_job.pk)
