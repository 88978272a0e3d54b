"""A full disk, met on a real file system: work waits, nothing fails, and the reserve is for the database."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from diagnostics import disk
from diagnostics.accounts.models import Site, User
from diagnostics.cases import pipeline
from diagnostics.cases.errors import StorageUnavailable
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.presenters.job import job_summary
from diagnostics.cases.services import admission, requeue
from diagnostics.imports import pipeline as imports
from diagnostics.imports import selectors
from diagnostics.imports.models import Import
from diagnostics.imports.options import ImportOptions
from diagnostics.imports.presenters.progress import progress_of
from diagnostics.imports.services import import_control, scans
from diagnostics.jobs.models import JobStatus
from tests.imports.conftest import make_collection
from tests.radiographs import radiograph_png
from tests.small_disk import SmallDisk

MEGABYTE = 1024**2
pytestmark = pytest.mark.slow  # mounts a file system


@pytest.fixture(autouse=True)
def home(small_disk: SmallDisk, settings: Settings) -> Path:
    settings.READROOM_HOME, settings.MEDIA_ROOT = small_disk.folder, small_disk.folder / "media"
    settings.INCOMING, settings.DISK_RESERVE = small_disk.folder / "incoming", 2 * MEGABYTE
    disk.keep_reserve()
    return small_disk.folder


def upload(technician: User, now: datetime, seed: int = 1) -> Case:
    content = radiograph_png(seed)
    return admission.open_case(radiograph=content, patient_ref=f"P-{seed}", by=technician, now=now).case


def test_the_reserve_is_released_on_a_full_disk_and_made_again_when_there_is_space(
    home: Path, small_disk: SmallDisk
) -> None:
    reserve = home / "disk_reserve"
    assert reserve.stat().st_blocks * 512 == 2 * MEGABYTE  # really allocated
    assert disk.has_room()
    assert not disk.release_reserve()
    small_disk.fill()
    assert not disk.has_room()

    assert disk.release_reserve()

    (home / "database").write_bytes(bytes(MEGABYTE))  # there is space again, for the database
    assert not disk.has_room()  # and for nothing else
    disk.keep_reserve()
    assert not reserve.exists()
    small_disk.free()
    disk.keep_reserve()
    assert reserve.stat().st_size == 2 * MEGABYTE
    assert disk.has_room()


@pytest.mark.parametrize("reserve", [0, 2 * MEGABYTE])  # 0: the upload itself meets the full disk
def test_an_upload_to_a_full_disk_is_refused_and_leaves_no_file(
    reserve: int, home: Path, small_disk: SmallDisk, settings: Settings, technician: User, now: datetime
) -> None:
    settings.DISK_RESERVE = reserve
    upload(technician, now, seed=2)  # makes the folders
    small_disk.fill(leave=20_000)  # enough for the first of the three files
    before = sorted(home.rglob("*.*"))

    with pytest.raises(StorageUnavailable):
        upload(technician, now)

    assert Case.objects.count() == 1
    assert [path for path in sorted(home.rglob("*.*")) if path.is_file()] == [
        path for path in before if path.is_file()
    ]


def test_a_large_upload_is_refused_before_it_is_read(
    small_disk: SmallDisk, client: Client, technician: User, settings: Settings
) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000
    client.force_login(technician)
    small_disk.fill()

    page = client.post(reverse("cases:upload"), {"note": "x" * 2000})
    api = client.post("/api/v1/cases/", {"note": "x" * 2000})
    script = client.post("/uploads/", {"note": "x" * 2000}, headers={"Accept": "application/json"})

    assert (page.status_code, api.status_code, script.status_code) == (503, 503, 503)
    assert api.json()["code"] == script.json()["code"] == "storage_unavailable"
    assert client.get(reverse("cases:upload")).status_code == 200


def test_a_prediction_waits_without_an_attempt_and_is_enqueued_again(
    small_disk: SmallDisk, technician: User, now: datetime
) -> None:
    case = upload(technician, now)
    small_disk.fill()

    pipeline.classify(case.predictions.get().pk, clock=lambda: now)

    waiting = case.predictions.get()
    assert (waiting.status, waiting.attempts) == (JobStatus.QUEUED, 0)
    summary = job_summary(waiting, now)
    assert summary is not None
    assert summary.label == "Storage full: waiting"
    assert waiting.lease_until is not None
    # Another prediction is running, and no later one has been started: only the wait is a reason to send.
    other = Prediction.objects.create(case=upload_while_full(technician, now, small_disk), queued_at=now)
    Prediction.claim(other.pk, worker="w", lease=timedelta(hours=1), now=now)
    assert requeue.requeue_lost(now=waiting.lease_until) == 0
    assert requeue.requeue_lost(now=waiting.lease_until + timedelta(seconds=1)) == 1


def upload_while_full(technician: User, now: datetime, small_disk: SmallDisk) -> Case:
    small_disk.free()
    case = upload(technician, now, seed=2)
    Prediction.objects.filter(case=case).delete()
    small_disk.fill()
    return case


@pytest.mark.parametrize("reserve", [0, 2 * MEGABYTE])
def test_an_import_waits_and_continues_when_there_is_space(
    reserve: int,
    small_disk: SmallDisk,
    settings: Settings,
    tmp_path: Path,
    site: Site,
    administrator: User,
    now: datetime,
) -> None:
    settings.DISK_RESERVE = reserve
    collection = make_collection(tmp_path / "collection")
    import_job = scans.scan_path(
        collection=collection, origin="c", options=ImportOptions(), site=site, by=administrator, now=now
    )
    import_control.start_import(import_job=import_job, by=administrator, now=now)
    small_disk.fill()

    assert not imports.import_batch(import_job.pk, clock=lambda: now)

    waiting = Import.objects.get()
    assert waiting.status == JobStatus.QUEUED
    assert progress_of(waiting, selectors.file_counts(waiting)).label == "Storage full: waiting"
    small_disk.free()
    while imports.import_batch(import_job.pk, clock=lambda: now):
        pass
    assert Import.objects.get().status == JobStatus.DONE
    assert Case.objects.count() == 4
