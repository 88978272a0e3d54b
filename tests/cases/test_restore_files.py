"""Missing and damaged files: found, recorded, never shown, and restored by an upload of the same pixels."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import pipeline, selectors, storage
from diagnostics.cases.errors import AlreadyRunning, RadiographOfAnotherPatient
from diagnostics.cases.models import Case, DamagedFile
from diagnostics.cases.services import admission, retry
from diagnostics.cases.services.control_copies import open_control_copy
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.stores.base import problem_of
from tests.cases.conftest import SendRadiograph
from tests.cases.predictions import finish_prediction
from tests.radiographs import radiograph_png

Damage = Callable[[Path], object]


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


DAMAGES: list[Damage] = [flip_a_bit, truncate, Path.unlink]


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def case(send_radiograph: SendRadiograph) -> Case:
    return send_radiograph(1, patient_ref="P-1")


@pytest.fixture
def member(client: Client, technician: User) -> Client:
    client.force_login(technician)
    return client


def file_of(case: Case, kind: str) -> Path:
    return next(
        storage.path(file.name)
        for file in selectors.files_of_radiograph(case.radiograph)
        if file.kind == kind
    )


def is_intact(case: Case) -> bool:
    case.radiograph.refresh_from_db()
    return not any(problem_of(file) for file in selectors.files_of_radiograph(case.radiograph))


@pytest.mark.parametrize("kind", ["original", "display", "grey"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_an_upload_of_the_same_pixels_restores_a_damaged_file(
    damage: Damage, kind: str, case: Case, technician: User, now: datetime
) -> None:
    damage(file_of(case, kind))
    assert not is_intact(case)

    again = admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now)

    assert again == admission.AdmittedCase(case=case, created=False)
    assert is_intact(case)
    assert file_of(case, "original").read_bytes() == radiograph_png(1)
    event = AuditEvent.objects.get(action=Action.FILES_RESTORED)
    assert (event.by, event.target_id, event.detail) == (technician, str(case.pk), {"files": [kind]})


def test_an_upload_of_an_intact_radiograph_writes_nothing(
    case: Case, technician: User, now: datetime, media: Path
) -> None:
    before = {file: file.stat().st_ino for file in media.rglob("*.*")}

    admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now)

    assert {file: file.stat().st_ino for file in media.rglob("*.*")} == before
    assert not AuditEvent.objects.filter(action=Action.FILES_RESTORED).exists()


def test_a_file_with_other_bytes_and_the_same_pixels_restores_the_original(
    case: Case, technician: User, now: datetime
) -> None:
    repacked = BytesIO()
    Image.open(BytesIO(radiograph_png(1))).save(repacked, "PNG", compress_level=0)
    file_of(case, "original").unlink()

    admission.open_case(radiograph=repacked.getvalue(), patient_ref="P-1", by=technician, now=now)

    assert is_intact(case)
    assert file_of(case, "original").read_bytes() == repacked.getvalue()


def test_an_upload_for_another_patient_restores_nothing(case: Case, technician: User, now: datetime) -> None:
    file_of(case, "grey").unlink()

    with pytest.raises(RadiographOfAnotherPatient):
        admission.open_case(radiograph=radiograph_png(1), patient_ref="P-2", by=technician, now=now)

    assert not is_intact(case)


def test_control_copies_are_restored_with_their_radiograph(
    case: Case, send_radiograph: SendRadiograph, technician: User, radiologist: User, now: datetime
) -> None:
    like = send_radiograph(2)
    copy = open_control_copy(radiograph_of=case, like=like, to=radiologist, now=now)
    flip_a_bit(file_of(case, "grey"))  # the copy is a link to the same file
    assert not is_intact(copy)

    admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now)

    assert is_intact(case)
    assert is_intact(copy)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_display_image_is_not_shown_but_recorded_once(
    damage: Damage, case: Case, member: Client, technician: User, now: datetime
) -> None:
    damage(file_of(case, "display"))

    answers = [member.get(reverse("cases:radiograph", args=[case.pk])) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert "missing or damaged" in answers[0].content.decode()
    record = DamagedFile.objects.get()
    assert (record.case, record.kind, record.restored_at) == (case, "display", None)
    event = AuditEvent.objects.get(action=Action.FILE_DAMAGED)
    assert (event.by, event.target_id) == (technician, str(case.pk))
    admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now)
    assert member.get(reverse("cases:radiograph", args=[case.pk])).status_code == 200
    record.refresh_from_db()
    assert record.restored_at == now


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("name", "kind"), [("heatmap", "heatmaps"), ("overlay", "overlay")])
def test_a_damaged_heatmap_is_not_shown_but_recorded(
    name: str, kind: str, damage: Damage, case: Case, version: ModelVersion, member: Client
) -> None:
    prediction = finish_prediction(case, version)
    damage(
        next(
            storage.path(file.name) for file in selectors.files_of_prediction(prediction) if file.kind == kind
        )
    )
    arguments = [case.pk, "covid-19"] if name == "heatmap" else [case.pk]

    assert member.get(reverse(f"cases:{name}", args=arguments)).status_code == 503

    assert DamagedFile.objects.get().kind == kind


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_packed_pixels_are_packed_again(damage: Damage, case: Case, member: Client) -> None:
    address = reverse("cases:pixels", args=[case.pk])
    first = member.get(address).content
    damage(storage.path(storage.radiograph_files(case.radiograph.pk).depth))

    assert member.get(address).content == first
    assert not DamagedFile.objects.exists()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_worker_does_not_classify_a_damaged_radiograph(
    damage: Damage, case: Case, version: ModelVersion
) -> None:
    damage(file_of(case, "grey"))

    pipeline.classify(case.predictions.get().pk, clock=timezone.now)

    failed = case.predictions.get()
    assert (failed.status, failed.failure_code) == (JobStatus.FAILED, "radiograph_missing")
    assert DamagedFile.objects.get().kind == "grey"


def test_a_result_with_a_damaged_heatmap_can_be_computed_again_as_the_same_row(
    case: Case, version: ModelVersion, member: Client, technician: User, now: datetime
) -> None:
    prediction = finish_prediction(case, version)
    page = reverse("cases:case", args=[case.pk])
    assert reverse("cases:retry", args=[case.pk]) not in member.get(page).content.decode()
    flip_a_bit(storage.path(prediction.heatmap_file))
    member.get(reverse("cases:heatmap", args=[case.pk, "covid-19"]))
    assert reverse("cases:retry", args=[case.pk]) in member.get(page).content.decode()

    again = retry.retry(case=case, by=technician, now=now)

    assert (again.pk, again.status) == (prediction.pk, JobStatus.QUEUED)
    with pytest.raises(AlreadyRunning):
        retry.retry(case=case, by=technician, now=now)
