"""Imports with interruptions: batches, stops, lost leases, dead workers, full disks and lost permissions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Role
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission as cases
from diagnostics.cases.services import sweep
from diagnostics.cases.storage import SAFE_AGE
from diagnostics.errors import NotAllowed
from diagnostics.imports import pipeline, selectors, staging
from diagnostics.imports.errors import ImportAlreadyRunning, ImportAlreadyStarted, NothingToImport
from diagnostics.imports.models import FileStatus, Import, ImportedFile, ImportedLabel
from diagnostics.imports.services import import_control, requeue, scans
from diagnostics.jobs.models import JobStatus
from diagnostics.jobs.stop_flag import WORKER_STOP
from tests.imports.conftest import SMALL, RunImport, Scan, run_batches, zipped
from tests.radiographs import radiograph_png


@pytest.fixture
def import_job(collection: Path, scan: Scan, administrator: User, now: datetime) -> Import:
    """Return a started import of five radiographs, one of them damaged."""
    import_job = scan(collection)
    import_control.start_import(import_job=import_job, by=administrator, now=now)
    return import_job


def clock_that_loses_the_lease(import_job: Import, now: datetime) -> Callable[[], datetime]:
    """Return a clock whose every call after the claim gives the import to another worker."""

    def clock() -> datetime:
        Import.objects.filter(pk=import_job.pk, status=JobStatus.RUNNING).update(token=uuid4())
        return now

    return clock


def test_a_worker_releases_the_import_after_its_batch_time_and_the_next_continues(
    import_job: Import, now: datetime
) -> None:
    assert pipeline.import_batch(import_job.pk, clock=lambda: now, seconds=0)

    import_job.refresh_from_db()
    assert (import_job.status, import_job.attempts, import_job.token) == (JobStatus.QUEUED, 0, None)
    assert selectors.file_counts(import_job)[FileStatus.IMPORTED] == 1


def test_a_queued_prediction_has_priority_over_the_import(
    import_job: Import, technician: User, now: datetime
) -> None:
    cases.open_case(radiograph=radiograph_png(77, SMALL), patient_ref="P-9", by=technician, now=now)

    assert pipeline.import_batch(import_job.pk, clock=lambda: now, seconds=60)

    # Each batch imports at least one radiograph, so that every import ends.
    assert selectors.file_counts(import_job)[FileStatus.PENDING] == 4


def test_an_import_is_released_when_its_worker_stops(import_job: Import, now: datetime) -> None:
    WORKER_STOP.set()
    try:
        assert pipeline.import_batch(import_job.pk, clock=lambda: now, seconds=60)
    finally:
        WORKER_STOP.clear()

    import_job.refresh_from_db()
    assert (import_job.status, import_job.token, import_job.lost_attempts) == (JobStatus.QUEUED, None, 0)
    assert selectors.file_counts(import_job)[FileStatus.IMPORTED] == 1


def test_a_message_delivered_twice_changes_nothing(import_job: Import, now: datetime) -> None:
    assert Import.claim(import_job.pk, worker="w", lease=timedelta(seconds=30), now=now)

    assert not pipeline.import_batch(import_job.pk, clock=lambda: now)

    assert not Case.objects.exists()


def test_a_worker_that_lost_its_lease_rolls_its_case_and_label_back(
    import_job: Import, now: datetime
) -> None:
    assert not pipeline.import_batch(import_job.pk, clock=clock_that_loses_the_lease(import_job, now))

    assert not Case.objects.exists()
    assert not ImportedLabel.objects.exists()
    assert selectors.file_counts(import_job)[FileStatus.PENDING] == 5


def test_a_worker_that_lost_its_lease_does_not_record_an_unusable_file(
    import_job: Import, now: datetime
) -> None:
    ImportedFile.objects.exclude(path="covid/damaged.png").delete()

    assert not pipeline.import_batch(import_job.pk, clock=clock_that_loses_the_lease(import_job, now))

    assert ImportedFile.objects.get().status == FileStatus.PENDING
    assert Import.objects.get().status == JobStatus.RUNNING


def test_the_radiograph_of_a_lost_lease_is_imported_once_by_the_next_worker(
    import_job: Import, now: datetime
) -> None:
    pipeline.import_batch(import_job.pk, clock=clock_that_loses_the_lease(import_job, now))
    requeue.requeue_lost(now=now + timedelta(seconds=16))

    run_batches(import_job, now)

    assert Case.objects.count() == ImportedLabel.objects.count() == 4


def test_files_of_a_dead_worker_have_no_row_and_are_swept(
    import_job: Import, now: datetime, data_folders: Path
) -> None:
    pipeline.import_batch(import_job.pk, clock=clock_that_loses_the_lease(import_job, now))  # rolls back
    left = [file for file in (data_folders / "media").rglob("*") if file.is_file()]
    assert len(left) == 3
    requeue.requeue_lost(now=now + timedelta(seconds=16))
    run_batches(import_job, now)

    swept = sweep.sweep(older_than=SAFE_AGE, now=timezone.now() + timedelta(days=2))

    assert swept == 3
    assert not any(file.exists() for file in left)
    assert len([file for file in (data_folders / "media").rglob("*") if file.is_file()]) == 3 * 4


def test_an_import_is_requeued_when_its_worker_dies_and_fails_the_third_time(
    import_job: Import, administrator: User, now: datetime
) -> None:
    later = now + timedelta(seconds=16)

    for _death in range(3):
        assert Import.claim(import_job.pk, worker="w", lease=timedelta(seconds=15), now=now)
        assert requeue.requeue_lost(now=later) == 1

    import_job.refresh_from_db()
    assert (import_job.status, import_job.failure_code) == (JobStatus.FAILED, "worker_lost")
    import_control.start_import(import_job=import_job, by=administrator, now=later)  # resumes it
    assert Import.objects.get(pk=import_job.pk).status == JobStatus.QUEUED


def test_a_stopped_import_keeps_its_cases_and_can_be_resumed(
    import_job: Import, run_import: RunImport, administrator: User, now: datetime
) -> None:
    pipeline.import_batch(import_job.pk, clock=lambda: now, seconds=0)
    import_control.stop_import(import_job=import_job, by=administrator, now=now)

    assert not pipeline.import_batch(import_job.pk, clock=lambda: now)

    import_job.refresh_from_db()
    assert (import_job.status, Case.objects.count()) == (JobStatus.DONE, 1)
    assert run_import(import_job).status == JobStatus.DONE
    assert Case.objects.count() == 4


def test_unpacked_files_stay_until_no_radiograph_is_pending(
    collection: Path,
    scan: Scan,
    run_import: RunImport,
    administrator: User,
    now: datetime,
    data_folders: Path,
) -> None:
    (data_folders / "mine.zip").write_bytes(zipped(collection))
    import_job = scan(data_folders / "mine.zip")
    import_control.start_import(import_job=import_job, by=administrator, now=now)
    pipeline.import_batch(import_job.pk, clock=lambda: now, seconds=0)
    import_control.stop_import(import_job=import_job, by=administrator, now=now)
    pipeline.import_batch(import_job.pk, clock=lambda: now)
    assert staging.staging_folder(import_job.pk).is_dir()

    run_import(import_job)

    assert Case.objects.count() == 4


def test_an_import_of_a_deleted_collection_fails_with_a_reason(
    collection: Path, scan: Scan, run_import: RunImport, data_folders: Path
) -> None:
    import_job = scan(collection)
    collection.rename(data_folders / "elsewhere")

    run_import(import_job)

    assert (import_job.status, import_job.failure_code) == (JobStatus.FAILED, "collection_gone")


def test_an_import_that_cannot_store_a_radiograph_waits_and_loses_none(
    collection: Path, scan: Scan, run_import: RunImport, data_folders: Path, settings: Settings, now: datetime
) -> None:
    (data_folders / "full").write_text("a file at the path of a folder")
    settings.MEDIA_ROOT = data_folders / "full"

    import_job = run_import(scan(collection))

    assert (import_job.status, import_job.failure_code) == (JobStatus.QUEUED, "storage_full")
    assert not AuditEvent.objects.filter(action=Action.IMPORT_FAILED).exists()
    settings.MEDIA_ROOT = data_folders / "media"
    run_batches(import_job, now)
    import_job.refresh_from_db()
    assert (import_job.status, import_job.failure_code) == (JobStatus.DONE, "")
    assert selectors.file_counts(import_job)["imported"] == 4


def test_a_running_or_finished_import_can_be_neither_started_nor_discarded(
    import_job: Import, administrator: User, now: datetime
) -> None:
    with pytest.raises(ImportAlreadyRunning):
        import_control.start_import(import_job=import_job, by=administrator, now=now)
    with pytest.raises(ImportAlreadyStarted):
        scans.discard_scan(import_job=import_job, by=administrator)
    run_batches(import_job, now)
    with pytest.raises(NothingToImport):
        import_control.start_import(import_job=import_job, by=administrator, now=now)


def test_an_import_whose_user_lost_the_permission_opens_no_case(
    import_job: Import, administrator: User, now: datetime
) -> None:
    User.objects.filter(pk=administrator.pk).update(role=Role.TECHNICIAN)

    pipeline.import_batch(import_job.pk, clock=lambda: now)

    import_job.refresh_from_db()
    assert (import_job.status, import_job.failure_code) == (JobStatus.FAILED, "not_allowed")
    assert not Case.objects.exists()
    with pytest.raises(NotAllowed):
        import_control.stop_import(import_job=import_job, by=User.objects.get(pk=administrator.pk), now=now)
