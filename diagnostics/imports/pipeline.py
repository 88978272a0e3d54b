"""What a worker does with one import: claim, import radiographs for a few seconds, release or finish.

Queued predictions come first: as soon as there is one, the import is released after the present radiograph.
So imports need no worker of their own and delay a prediction by one radiograph at most.
"""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import OperationalError, transaction
from django.utils import timezone

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.errors import InvalidField, StorageUnavailable, UnusableRadiograph
from diagnostics.cases.models import Prediction
from diagnostics.cases.services import admission
from diagnostics.cases.services.admission import AdmittedCase
from diagnostics.errors import DomainError
from diagnostics.imports import errors, selectors, staging
from diagnostics.imports.models import FileStatus, Import, ImportedFile, ImportedLabel
from diagnostics.jobs.errors import JobError, LeaseLost, failure_code_of
from diagnostics.jobs.lease import Clock, Lease
from diagnostics.jobs.models import JobStatus

SLICE: Final = 10.0  # seconds
RESEND_AFTER: Final = timedelta(seconds=30)  # in case the message of the next batch is lost

logger = logging.getLogger(__name__)


def import_batch(import_id: uuid.UUID, *, clock: Clock = timezone.now, seconds: float = SLICE) -> bool:
    """Import radiographs for so many seconds, one at least; return whether some are left."""
    lease = Lease.claim(Import, import_id, duration=settings.IMPORT_LEASE, clock=clock)
    if lease is None:
        return False
    batch = Batch(Import.objects.select_related("site", "requested_by").get(pk=import_id), lease)
    try:
        return _run(batch, until=time.monotonic() + seconds)
    except LeaseLost:
        logger.warning("import %s was requeued or claimed by another worker", import_id)
    except OperationalError:
        logger.warning("the database is unavailable: import %s is requeued later", import_id)
    except Exception as error:
        _fail(batch, _failure_code(error))
    return False


@dataclass(frozen=True)
class Batch:
    """One claimed import."""

    importing: Import
    lease: Lease

    def stop_requested(self) -> bool:
        """Return whether a user asked the import to stop."""
        return Import.objects.filter(pk=self.importing.pk, stop_requested=True).exists()


def _run(batch: Batch, *, until: float) -> bool:
    if not Path(batch.importing.base).is_dir():
        raise JobError("collection_gone")
    while not batch.stop_requested():
        file = selectors.waiting(batch.importing).order_by("place").first()
        if file is None:
            return _finish(batch)
        _import_file(batch, file)
        if time.monotonic() >= until or _predictions_are_queued():
            return _release(batch)
    return _finish(batch)


def _import_file(batch: Batch, file: ImportedFile) -> None:
    try:
        stored = admission.store_imported(
            radiograph=staging.read(Path(batch.importing.base), file.path),
            radiograph_id=file.pk,
            patient_ref=file.patient_ref,
            view=file.view,
            site=batch.importing.site,
            by=batch.importing.requested_by,
        )
        with transaction.atomic():
            _record(batch, file, admission.admit_imported(stored, now=batch.lease.clock()))
    except (staging.FileUnavailable, UnusableRadiograph, InvalidField) as error:
        _refuse(batch, file, error.code)


def _record(batch: Batch, file: ImportedFile, opened: AdmittedCase) -> None:
    batch.lease.check()
    ending = FileStatus.OPENED if opened.created else FileStatus.LINKED
    ImportedFile.objects.filter(pk=file.pk).update(ending=ending, case=opened.case)
    ImportedLabel.objects.create(
        case=opened.case,
        finding=file.finding,
        collection=batch.importing.collection,
        source=file.source,
        importing=batch.importing,
        file=file,
        opened_case=opened.created,
        imported_at=batch.lease.clock(),
    )


@transaction.atomic
def _refuse(batch: Batch, file: ImportedFile, code: str) -> None:
    batch.lease.check()
    ImportedFile.objects.filter(pk=file.pk).update(ending=FileStatus.REFUSED, code=code)


def _predictions_are_queued() -> bool:
    return Prediction.objects.filter(status=JobStatus.QUEUED).exists()


def _release(batch: Batch) -> bool:
    resend_at = batch.lease.clock() + RESEND_AFTER
    return Import.release(batch.importing.pk, token=batch.lease.token, resend_at=resend_at)


@transaction.atomic
def _finish(batch: Batch) -> bool:
    now, endings = batch.lease.clock(), selectors.endings(batch.importing)
    if not Import.finish(batch.importing.pk, token=batch.lease.token, now=now):
        raise LeaseLost
    detail = {"number": batch.importing.number} | endings
    audit.record(action=Action.IMPORT_FINISHED, by=None, target=batch.importing, detail=detail, now=now)
    if not endings[FileStatus.WAITING]:  # after a stop somebody may go on with what was unpacked
        transaction.on_commit(partial(staging.clear, batch.importing.pk))
    return False


@transaction.atomic
def _fail(batch: Batch, code: str) -> None:
    logger.error("import %s failed: %s", batch.importing.pk, code, exc_info=True)
    now, text = batch.lease.clock(), errors.failure_text(code)
    if Import.fail(batch.importing.pk, token=batch.lease.token, code=code, text=text, now=now):
        detail = {"number": batch.importing.number, "code": code}
        audit.record(action=Action.IMPORT_FAILED, by=None, target=batch.importing, detail=detail, now=now)


def _failure_code(error: Exception) -> str:
    if isinstance(error, StorageUnavailable):
        return "storage_full"
    return error.code if isinstance(error, DomainError) else failure_code_of(error)
