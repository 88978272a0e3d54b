"""Admission of uploads: a radiograph becomes a case."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from PIL import Image
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import selectors, storage
from diagnostics.cases.errors import (
    InvalidField,
    RadiographOfAnotherPatient,
    StorageUnavailable,
    UnusableRadiograph,
)
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.cases.services import admission, sweep
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from tests.cases.conftest import SendRadiograph
from tests.conftest import create_user
from tests.radiographs import radiograph_dicom, radiograph_png


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


def stored_files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def test_an_upload_creates_a_case_with_its_radiograph_and_a_queued_prediction(
    technician: User, now: datetime
):
    admitted = admission.open_case(
        radiograph=radiograph_png(),
        patient_ref="P-1",
        accession_number="A-1",
        view="AP",
        priority="stat",
        by=technician,
        now=now,
    )

    case = admitted.case
    assert admitted.created
    assert (case.patient_ref, case.accession_number, case.priority, case.priority_rank) == (
        "P-1",
        "A-1",
        "stat",
        0,
    )
    assert (case.opened_by, case.opened_at, case.site.name) == (technician, now, "North")
    radiograph = case.radiograph
    assert (
        radiograph.width,
        radiograph.height,
        radiograph.bits,
        radiograph.source_format,
        radiograph.view,
    ) == (256, 256, 8, "PNG", "AP")
    assert radiograph.file_sha256 == hashlib.sha256(radiograph_png()).hexdigest()
    assert all(
        path.is_file() for path in (selectors.radiograph_path(radiograph), storage.path(radiograph.display))
    )
    queued = case.predictions.get()
    assert (queued.status, queued.queued_at, queued.version) == (JobStatus.QUEUED, now, None)


def test_view_sex_and_age_come_from_the_dicom_file(technician: User, now: datetime):
    radiograph = radiograph_dicom(PatientSex="F", PatientAge="061Y")
    from_file = admission.open_case(
        radiograph=radiograph, patient_ref="P-1", by=technician, now=now
    ).case.radiograph

    assert (from_file.view, from_file.sex, from_file.age) == ("PA", "F", 61)


def test_the_audit_record_of_an_upload_has_no_patient_data(send_radiograph: SendRadiograph, technician: User):
    case = send_radiograph(patient_ref="CANARY-77")

    event = AuditEvent.objects.get(action=Action.CASE_OPENED)
    assert (event.by, event.target_id) == (technician, str(case.pk))
    assert "CANARY" not in str(list(AuditEvent.objects.values()))


def test_a_second_upload_of_the_same_radiograph_and_patient_returns_the_same_case(
    send_radiograph: SendRadiograph, technician: User, media: Path, now: datetime
):
    case = send_radiograph(1, patient_ref="P-1")
    files = stored_files(media)

    again = admission.open_case(radiograph=radiograph_png(1), patient_ref=" P-1 ", by=technician, now=now)

    assert again == admission.AdmittedCase(case=case, created=False)
    assert Prediction.objects.count() == 1
    assert stored_files(media) == files


def test_the_same_pixels_in_another_file_return_the_same_case(technician: User, now: datetime):
    repacked = BytesIO()
    Image.open(BytesIO(radiograph_png(1))).save(repacked, "PNG", compress_level=0)
    first = admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now)

    second = admission.open_case(radiograph=repacked.getvalue(), patient_ref="P-1", by=technician, now=now)

    assert second.case == first.case
    assert not second.created


def test_a_radiograph_of_another_patient_is_refused_and_audited(
    send_radiograph: SendRadiograph, technician: User
):
    case = send_radiograph(1, patient_ref="CANARY-1")

    with pytest.raises(RadiographOfAnotherPatient) as error:
        send_radiograph(1, patient_ref="P-2")

    assert error.value.code == "radiograph_of_another_patient"
    assert "CANARY" not in str(error.value)
    assert str(case.pk) not in str(error.value)
    conflict = AuditEvent.objects.get(action=Action.PATIENT_CONFLICT_FOUND)
    assert (conflict.by, conflict.target_id, conflict.detail) == (technician, str(case.pk), {})
    assert Case.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_audit_record_of_a_conflict_is_committed(send_radiograph: SendRadiograph):
    send_radiograph(1, patient_ref="P-1")

    with pytest.raises(RadiographOfAnotherPatient):
        send_radiograph(1, patient_ref="P-2")

    connection.close()  # rolls back whatever is not committed
    assert AuditEvent.objects.filter(action=Action.PATIENT_CONFLICT_FOUND).count() == 1


def test_another_site_has_its_own_case_of_the_same_radiograph(
    send_radiograph: SendRadiograph, stranger: User, other_site: Site
):
    here = send_radiograph(1, patient_ref="P-1")
    there = send_radiograph(1, patient_ref="Q-1", by=stranger)

    assert here.site != there.site == other_site


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"patient_ref": ""}, InvalidField),
        ({"view": "sideways"}, InvalidField),
        ({"radiograph": b"no radiograph"}, UnusableRadiograph),
    ],
)
def test_a_refused_upload_leaves_no_case_and_no_file(
    changed: dict[str, Any], error: type[Exception], technician: User, media: Path, now: datetime
):
    upload: dict[str, Any] = {"radiograph": radiograph_png(), "patient_ref": "P-1"}

    with pytest.raises(error):
        admission.open_case(**(upload | changed), by=technician, now=now)

    assert not Case.objects.exists()
    assert not stored_files(media)


def test_an_inactive_user_may_not_upload(technician: User, now: datetime):
    technician.is_active = False

    with pytest.raises(NotAllowed):
        admission.open_case(radiograph=radiograph_png(), patient_ref="P-1", by=technician, now=now)


def test_a_user_without_a_site_may_not_upload(db: None, now: datetime):
    user = create_user("without site", Role.TECHNICIAN)

    with pytest.raises(NotAllowed):
        admission.open_case(radiograph=radiograph_png(), patient_ref="P-1", by=user, now=now)


def test_a_disk_error_is_reported_and_no_case_is_created(
    technician: User, settings: Settings, tmp_path: Path, now: datetime
):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file instead of a folder")
    settings.MEDIA_ROOT = blocked

    with pytest.raises(StorageUnavailable):
        admission.open_case(radiograph=radiograph_png(), patient_ref="P-1", by=technician, now=now)

    assert not Case.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_concurrent_identical_uploads_create_one_case(technician: User, media: Path, now: datetime):
    admitted: list[admission.AdmittedCase] = []

    def upload() -> None:
        try:
            admitted.append(
                admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now)
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=upload) for _ in range(3)]
    with transaction.atomic():
        # Blocks all writers (SQLite, then PostgreSQL), so that every upload finds the radiograph unknown.
        Site.objects.update(name="North")
        assert Site.objects.select_for_update().get()
        for thread in threads:
            thread.start()
        wait_for(lambda: len(list(media.rglob("*.grey.png"))) == len(threads))
    for thread in threads:
        thread.join()

    assert sorted(one.created for one in admitted) == [False, False, True]
    assert len({one.case.pk for one in admitted}) == 1
    assert (Case.objects.count(), Radiograph.objects.count(), Prediction.objects.count()) == (1, 1, 1)
    sweep.sweep(older_than=storage.SAFE_AGE, now=timezone.now() + timedelta(days=2))
    assert len(stored_files(media)) == 3  # the files of the duplicates have no row


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
