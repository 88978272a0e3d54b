"""TODO: diagnostics.imports.services.import_control."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.imports import selectors
from diagnostics.imports.errors import (
    ImportAlreadyRunning,
    ImportNotRunning,
    NothingToImport,
)
from diagnostics.imports.models import Import, Stage
from diagnostics.imports.services.permissions import require_import
from diagnostics.imports.services.requeue import enqueue_import_on_commit
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus


@transaction.atomic
def start_import(*, importing: Import, by: User, now: datetime) -> None:
    """Bring in the radiographs that wait, at first or after a stop or a failure."""
    require_import(by)
    if not selectors.waiting(importing).exists():
        raise NothingToImport(_("No radiograph of this import waits any more."))
    queued = Import.objects.filter(pk=importing.pk).exclude(status__in=OPEN_STATUSES)
    if not queued.update(
        step=Stage.BRING_IN,
        status=JobStatus.QUEUED,
        attempts=0,
        stop_requested=False,
        queued_at=now,
        finished_at=None,
        lease_until=None,
        failure_code="",
        failure_text="",
    ):
        raise ImportAlreadyRunning(_("This import is under way already."))
    detail = {"number": importing.number, "collection": importing.collection, "kind": importing.kind}
    audit.record(action=Action.IMPORT_STARTED, by=by, target=importing, detail=detail, now=now)
    enqueue_import_on_commit(importing.pk)


@transaction.atomic
def stop_import(*, importing: Import, by: User, now: datetime) -> None:
    """Ask an import to stop after the present radiograph; what has come in stays."""
    require_import(by)
    if not Import.objects.filter(pk=importing.pk, status__in=OPEN_STATUSES, stop_requested=False).update(
        stop_requested=True
    ):
        importing.refresh_from_db()
        if importing.status in OPEN_STATUSES:
            return  # asked before: once is enough
        raise ImportNotRunning(_("This import is not under way."))
    detail = {"number": importing.number}
    audit.record(action=Action.IMPORT_STOPPED, by=by, target=importing, detail=detail, now=now)
    enqueue_import_on_commit(importing.pk)
