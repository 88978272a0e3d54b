"""The worker's steps for one import: claim, import radiographs for a few seconds, release or finish.

Queued predictions have priority: when one is queued, the import is released after the current radiograph.
Imports therefore share the prediction worker and delay a prediction by at most one radiograph.
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
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.errors import InvalidField, ServerBusy, StorageUnavailable, UnusableRadiograph
from diagnostics.cases.models import Prediction
from diagnostics.cases.services import admission
from diagnostics.cases.services.admission import AdmittedCase
from diagnostics.errors import DomainError
from diagnostics.imports import errors, selectors, staging
from diagnostics.imports.models import FileStatus, Import, ImportedFile, ImportedLabel
from diagnostics.jobs import storage_wait
from diagnostics.jobs.errors import JobError, LeaseLost, failure_code_of
from diagnostics.jobs.lease import Clock, Lease
from diagnostics.jobs.models import JobStatus
from diagnostics.jobs.stop_flag import WORKER_STOP

BATCH_SECONDS: Final = 10.0
MAX_SECONDS: Final = 110.0  # then the lease of a hanging worker ends; Celery kills its task after 120 s
RESEND_AFTER: Final = timedelta(seconds=30)  # in case the message of the next batch is lost

logger = logging.getLogger(__name__)


def import_batch(
    import_id: uuid.UUID, *, clock: Clock = timezone.now, seconds: float = BATCH_SECONDS
) -> bool:
    """Import radiographs for the given time, at least one; return whether some are pending."""
    if storage_wait.must_wait(Import, import_id, clock=clock):
        return False
    lease = Lease.claim(Import, import_id, duration=settings.IMPORT_LEASE, clock=clock)
    if lease is None:
        return False
    batch = Batch(Import.objects.select_related("site", "requested_by").get(pk=import_id), lease)
    try:
        with lease.heartbeat(at_most=MAX_SECONDS):
            return _run(batch, until=time.monotonic() + seconds)
    except LeaseLost:
        logger.warning("import %s was requeued or claimed by another worker", import_id)
    except (OperationalError, InterfaceError):
        logger.warning("the database is unavailable: import %s is requeued later", import_id)
    except StorageUnavailable:
        storage_wait.requeue(lease, Import)
    except Exception as error:
        _fail(batch, _failure_code(error))
    return False


@dataclass(frozen=True)
class Batch:
    """One claimed import."""

    import_job: Import
    lease: Lease

    def stop_requested(self) -> bool:
        """Return whether a user asked the import to stop."""
        return Import.objects.filter(pk=self.import_job.pk, stop_requested=True).exists()


def _run(batch: Batch, *, until: float) -> bool:
    if not Path(batch.import_job.base_folder).is_dir():
        raise JobError("collection_gone")
    while not batch.stop_requested():
        file = selectors.pending_files(batch.import_job).order_by("position").first()
        if file is None:
            return _finish(batch)
        try:
            _import_file(batch, file)
        except ServerBusy:  # uploads use all decoding slots; the file is tried again with the next batch
            return _release(batch)
        if time.monotonic() >= until or WORKER_STOP.is_set() or _predictions_are_queued():
            return _release(batch)
    return _finish(batch)


def _import_file(batch: Batch, file: ImportedFile) -> None:
    """Store one radiograph, then create its case and its label in one transaction.

    The label's lease check runs in that transaction: a worker that lost the import rolls its case back.
    """
    try:
        stored = admission.store_imported(
            radiograph=staging.read(Path(batch.import_job.base_folder), file.path),
            patient_ref=file.patient_ref,
            view=file.view,
            site=batch.import_job.site,
            by=batch.import_job.requested_by,
            now=batch.lease.clock(),
        )
        with transaction.atomic():
            _record_label(batch, file, admission.admit_imported(stored, now=batch.lease.clock()))
    except (staging.FileUnavailable, UnusableRadiograph, InvalidField) as error:
        _record_unusable(batch, file, error.code)


def _record_label(batch: Batch, file: ImportedFile, admitted: AdmittedCase) -> None:
    batch.lease.check()
    status = FileStatus.IMPORTED if admitted.created else FileStatus.DUPLICATE
    ImportedFile.objects.filter(pk=file.pk).update(status=status, case=admitted.case)
    ImportedLabel.objects.create(
        case=admitted.case,
        finding=file.finding,
        collection=batch.import_job.collection,
        source=file.source,
        import_job=batch.import_job,
        file=file,
        opened_case=admitted.created,
        imported_at=batch.lease.clock(),
    )


@transaction.atomic
def _record_unusable(batch: Batch, file: ImportedFile, code: str) -> None:
    batch.lease.check()
    ImportedFile.objects.filter(pk=file.pk).update(status=FileStatus.UNUSABLE, code=code)


def _predictions_are_queued() -> bool:
    return Prediction.objects.filter(status=JobStatus.QUEUED).exists()


def _release(batch: Batch) -> bool:
    resend_at = batch.lease.clock() + RESEND_AFTER
    columns = {"attempts": 0, "lost_attempts": 0}  # the batch succeeded
    return Import.release(batch.import_job.pk, token=batch.lease.token, resend_at=resend_at, **columns)


@transaction.atomic
def _finish(batch: Batch) -> bool:
    now, counts = batch.lease.clock(), selectors.file_counts(batch.import_job)
    if not Import.finish(batch.import_job.pk, token=batch.lease.token, now=now):
        raise LeaseLost
    detail = {"number": batch.import_job.number} | counts
    audit.record(action=Action.IMPORT_FINISHED, by=None, target=batch.import_job, detail=detail, now=now)
    if not counts[FileStatus.PENDING]:  # after a stop the import may be resumed with the unpacked files
        transaction.on_commit(partial(staging.clear, batch.import_job.pk))
    return False


@transaction.atomic
def _fail(batch: Batch, code: str) -> None:
    logger.error("import %s failed: %s", batch.import_job.pk, code, exc_info=True)
    now, text = batch.lease.clock(), errors.failure_text(code)
    if Import.fail(batch.import_job.pk, token=batch.lease.token, code=code, text=text, now=now):
        detail = {"number": batch.import_job.number, "code": code}
        audit.record(action=Action.IMPORT_FAILED, by=None, target=batch.import_job, detail=detail, now=now)


def _failure_code(error: Exception) -> str:
    return error.code if isinstance(error, DomainError) else failure_code_of(error)
