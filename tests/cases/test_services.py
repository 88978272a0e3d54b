"""Opening cases and asking the machine again."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from PIL import Image
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import selectors
from diagnostics.cases.errors import (
    AlreadyPredicted,
    AlreadyRunning,
    InvalidField,
    NoActiveVersion,
    RadiographOfAnotherPatient,
    StorageUnavailable,
    UnusableRadiograph,
)
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.cases.services import admission, retry
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import SendRadiograph
from tests.conftest import employ
from tests.radiographs import radiograph_dicom, radiograph_png


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


def kept_files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def test_an_upload_opens_a_case_with_its_radiograph_and_a_waiting_prediction(technician: User, now: datetime):
    opened = admission.open_case(
        radiograph=radiograph_png(),
        patient_ref="P-1",
        accession_number="A-1",
        view="AP",
        priority="stat",
        by=technician,
        now=now,
    )

    case = opened.case
    assert opened.created
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
        path.is_file() for path in (selectors.radiograph_path(radiograph), selectors.display_path(radiograph))
    )
    waiting = case.predictions.get()
    assert (waiting.status, waiting.queued_at, waiting.version) == (JobStatus.QUEUED, now, None)


def test_the_dicom_file_tells_view_sex_and_age_unless_the_sender_does(technician: User, now: datetime):
    radiograph = radiograph_dicom(PatientSex="F", PatientAge="061Y", PatientID="never kept")
    said = admission.open_case(
        radiograph=radiograph, patient_ref="P-1", by=technician, now=now
    ).case.radiograph
    other = radiograph_dicom(7)
    told = admission.open_case(radiograph=other, patient_ref="P-1", view="AP", by=technician, now=now)

    assert (said.view, said.sex, said.age) == ("PA", "F", 61)
    assert told.case.radiograph.view == "AP"


def test_the_record_tells_of_the_opening_and_never_of_the_patient(
    send_radiograph: SendRadiograph, technician: User
):
    case = send_radiograph(patient_ref="CANARY-77")

    event = AuditEvent.objects.get(action=Action.CASE_OPENED)
    assert (event.by, event.target_id) == (technician, str(case.pk))
    assert "CANARY" not in str(list(AuditEvent.objects.values()))


def test_the_same_radiograph_of_the_same_patient_is_the_same_case(
    send_radiograph: SendRadiograph, technician: User, media: Path, now: datetime
):
    case = send_radiograph(1, patient_ref="P-1")
    files = kept_files(media)

    again = admission.open_case(radiograph=radiograph_png(1), patient_ref=" P-1 ", by=technician, now=now)

    assert again == admission.AdmittedCase(case=case, created=False)
    assert Prediction.objects.count() == 1
    assert kept_files(media) == files


def test_the_same_radiograph_in_another_wrapping_is_the_same_case(technician: User, now: datetime):
    repacked = BytesIO()
    Image.open(BytesIO(radiograph_png(1))).save(repacked, "PNG", compress_level=0)
    first = admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now)

    second = admission.open_case(radiograph=repacked.getvalue(), patient_ref="P-1", by=technician, now=now)

    assert second.case == first.case
    assert not second.created


def test_a_radiograph_of_another_patient_is_refused_and_stays_on_record(
    send_radiograph: SendRadiograph, technician: User
):
    case = send_radiograph(1, patient_ref="CANARY-1")

    with pytest.raises(RadiographOfAnotherPatient) as refusal:
        send_radiograph(1, patient_ref="P-2")

    assert refusal.value.code == "radiograph_of_another_patient"
    assert "CANARY" not in str(refusal.value)
    assert str(case.pk) not in str(refusal.value)
    conflict = AuditEvent.objects.get(action=Action.CONFLICT_FOUND)
    assert (conflict.by, conflict.target_id, conflict.detail) == (technician, str(case.pk), {})
    assert Case.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_record_of_a_conflict_survives_the_refusal(send_radiograph: SendRadiograph):
    send_radiograph(1, patient_ref="P-1")

    with pytest.raises(RadiographOfAnotherPatient):
        send_radiograph(1, patient_ref="P-2")

    connection.close()  # what was not committed is gone now
    assert AuditEvent.objects.filter(action=Action.CONFLICT_FOUND).count() == 1


def test_another_site_keeps_its_own_case_of_the_same_radiograph(
    send_radiograph: SendRadiograph, stranger: User, other_site: Site
):
    here = send_radiograph(1, patient_ref="P-1")
    there = send_radiograph(1, patient_ref="Q-1", by=stranger)

    assert here.site != there.site == other_site


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"patient_ref": ""}, InvalidField),
        ({"view": "sideways"}, InvalidField),
        ({"radiograph": b"no radiograph"}, UnusableRadiograph),
    ],
)
def test_a_refused_upload_leaves_nothing(
    changed: dict[str, Any], refusal: type[Exception], technician: User, media: Path, now: datetime
):
    upload: dict[str, Any] = {"radiograph": radiograph_png(), "patient_ref": "P-1"}

    with pytest.raises(refusal):
        admission.open_case(**(upload | changed), by=technician, now=now)

    assert not Case.objects.exists()
    assert not kept_files(media)


def test_who_has_left_the_hospital_may_not_upload(technician: User, now: datetime):
    technician.is_active = False

    with pytest.raises(NotAllowed):
        admission.open_case(radiograph=radiograph_png(), patient_ref="P-1", by=technician, now=now)


def test_who_works_nowhere_may_not_upload(db: None, now: datetime):
    nowhere = employ("nowhere", Role.TECHNICIAN)

    with pytest.raises(NotAllowed):
        admission.open_case(radiograph=radiograph_png(), patient_ref="P-1", by=nowhere, now=now)


def test_a_disk_that_takes_nothing_is_said_so_and_nothing_is_saved(
    technician: User, settings: Settings, tmp_path: Path, now: datetime
):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file stands where the folder should be")
    settings.MEDIA_ROOT = blocked

    with pytest.raises(StorageUnavailable):
        admission.open_case(radiograph=radiograph_png(), patient_ref="P-1", by=technician, now=now)

    assert not Case.objects.exists()


@pytest.mark.parametrize("zone", ["no time at all", "no zone"])
def test_files_go_away_when_the_rows_cannot_be_written(
    zone: str, technician: User, media: Path, now: datetime
):
    unusable: Any = None if zone == "no time at all" else now.replace(tzinfo=None)

    with pytest.raises((TypeError, RuntimeWarning)):
        admission.open_case(radiograph=radiograph_png(), patient_ref="P-1", by=technician, now=unusable)

    assert not Case.objects.exists()
    assert not kept_files(media)


@pytest.mark.django_db(transaction=True)
def test_identical_uploads_at_one_moment_are_one_case(technician: User, media: Path, now: datetime):
    opened: list[admission.AdmittedCase] = []

    def upload() -> None:
        try:
            opened.append(
                admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now)
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=upload) for _ in range(3)]
    with transaction.atomic():
        # Nobody else can write a case (SQLite, then PostgreSQL), so all of them find the radiograph unknown.
        Site.objects.update(name="North")
        assert Site.objects.select_for_update().get()
        for thread in threads:
            thread.start()
        wait_for(lambda: len(list(media.rglob("*.grey.png"))) == len(threads))
    for thread in threads:
        thread.join()

    assert sorted(one.created for one in opened) == [False, False, True]
    assert len({one.case.pk for one in opened}) == 1
    assert (Case.objects.count(), Radiograph.objects.count(), Prediction.objects.count()) == (1, 1, 1)
    assert len(kept_files(media)) == 3  # what the losers wrote is gone


def wait_for(fact: Callable[[], bool]) -> None:
    until = time.monotonic() + 15
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
def messages() -> Iterator[Path]:
    """Give the folder of the embedded broker, empty."""
    folder = Path(django_settings.CELERY["broker_transport_options"]["data_folder_out"])
    _sweep(folder)
    yield folder
    _sweep(folder)


def _sweep(folder: Path) -> None:
    for message in folder.glob("*.msg"):
        message.unlink()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("priority", "queue"), [("stat", "stat"), ("urgent", "inference"), ("routine", "inference")]
)
def test_the_knock_names_the_row_alone_and_goes_to_the_queue_of_its_priority(
    priority: str, queue: str, send_radiograph: SendRadiograph, messages: Path
):
    case = send_radiograph(priority=priority, patient_ref="CANARY-1", accession_number="CANARY-2")

    (message,) = messages.glob("*.msg")
    envelope = json.loads(message.read_text())
    arguments, _, _ = json.loads(b64decode(envelope["body"]))
    assert message.name.endswith(f".{queue}.msg")
    assert envelope["headers"]["task"] == "cases.classify"
    assert arguments == [str(case.predictions.get().pk)]
    assert "CANARY" not in str(envelope) + str(arguments)


def test_nobody_is_knocked_up_for_a_case_that_was_never_written(
    technician: User, messages: Path, now: datetime
):
    with pytest.raises(UnusableRadiograph):
        admission.open_case(radiograph=b"no radiograph", patient_ref="P-1", by=technician, now=now)

    assert not list(messages.glob("*.msg"))


@pytest.mark.django_db(transaction=True)
def test_an_upload_succeeds_while_the_broker_is_away(
    send_radiograph: SendRadiograph, messages: Path, caplog: pytest.LogCaptureFixture
):
    away = messages.rename(messages.with_name("away"))
    try:
        case = send_radiograph(patient_ref="CANARY-1")
    finally:
        away.rename(messages)

    assert case.predictions.get().status == JobStatus.QUEUED
    assert "the broker is unavailable" in caplog.text
    assert "CANARY" not in caplog.text


def test_a_failed_case_is_asked_again_in_its_own_row(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, now: datetime
):
    case = send_radiograph()
    case.predictions.update(
        status=JobStatus.FAILED, attempts=3, failure_code="internal", failure_text="Oh.", finished_at=now
    )
    later = now + timedelta(hours=1)

    prediction = retry.retry(case=case, by=technician, now=later)

    assert prediction.pk == case.predictions.get().pk
    assert (prediction.status, prediction.attempts, prediction.queued_at) == (JobStatus.QUEUED, 0, later)
    assert (prediction.failure_code, prediction.failure_text, prediction.finished_at) == ("", "", None)
    event = AuditEvent.objects.get(action=Action.CASE_RETRIED)
    assert (event.by, event.target_id, event.detail) == (technician, str(case.pk), {"version": "v1"})


def test_a_new_version_answers_in_a_row_of_its_own(
    send_radiograph: SendRadiograph,
    technician: User,
    version: ModelVersion,
    next_version: ModelVersion,
    now: datetime,
):
    case = send_radiograph()
    case.predictions.update(status=JobStatus.DONE, version=version)

    prediction = retry.retry(case=case, by=technician, now=now + timedelta(hours=1))

    assert (prediction.status, prediction.version) == (JobStatus.QUEUED, next_version)
    assert case.predictions.count() == 2
    assert selectors.latest_prediction(case) == prediction
    assert selectors.latest_done_prediction(case) == case.predictions.get(version=version)


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING])
def test_a_case_the_machine_is_at_is_not_asked_again(
    status: JobStatus, send_radiograph: SendRadiograph, technician: User, version: ModelVersion, now: datetime
):
    case = send_radiograph()
    case.predictions.update(status=status)

    with pytest.raises(AlreadyRunning):
        retry.retry(case=case, by=technician, now=now)

    assert not AuditEvent.objects.filter(action=Action.CASE_RETRIED).exists()


def test_a_version_answers_once(
    send_radiograph: SendRadiograph, technician: User, version: ModelVersion, now: datetime
):
    case = send_radiograph()
    case.predictions.update(status=JobStatus.DONE, version=version)

    with pytest.raises(AlreadyPredicted):
        retry.retry(case=case, by=technician, now=now)


def test_without_a_version_in_force_nobody_is_asked(
    send_radiograph: SendRadiograph, technician: User, now: datetime
):
    case = send_radiograph()
    case.predictions.update(status=JobStatus.FAILED)

    with pytest.raises(NoActiveVersion):
        retry.retry(case=case, by=technician, now=now)
