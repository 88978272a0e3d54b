"""Rows of upload lists that belong to a patient are erased and exported with the patient."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from pytest_django.fixtures import Settings

from diagnostics.privacy.services import erasure
from diagnostics.privacy.services.export import export_patient
from diagnostics.uploads.models import StagedUpload
from diagnostics.uploads.selectors import of_patient
from tests.privacy.conftest import REFERENCE
from tests.privacy.patients import Patient, Ward


def test_staged_uploads_of_the_patient_are_erased_with_their_files_and_those_of_others_stay(
    ward: Ward, patient: Patient, other_patient: Patient, settings: Settings
) -> None:
    theirs = {str(upload.pk) for upload in of_patient(ward.site, REFERENCE, [patient.case.pk])}
    staged = {file.stem for file in settings.STAGED.rglob("*") if file.is_file()}
    assert len(theirs) == 3
    assert theirs < staged

    erasure.erase_patient(
        site=ward.site, patient_ref=REFERENCE, reason="request", by=ward.administrator, now=ward.now
    )

    assert {file.stem for file in settings.STAGED.rglob("*") if file.is_file()} == staged - theirs
    assert {str(upload.pk) for upload in StagedUpload.objects.all()} == staged - theirs


def test_an_expired_case_takes_its_row_of_the_list_with_it(
    ward: Ward, patient: Patient, other_patient: Patient
) -> None:
    erasure.erase_expired(cases=[patient.case.pk], site=ward.site, reason="rule", now=ward.now)

    assert list(StagedUpload.objects.exclude(case=None).values_list("case", flat=True)) == [
        other_patient.case.pk
    ]


def test_the_export_contains_the_rows_and_names_no_other_patient(
    ward: Ward, patient: Patient, other_patient: Patient, tmp_path: Path
) -> None:
    StagedUpload.objects.filter(name__contains=REFERENCE).update(
        patient_ref=other_patient.reference, header={"patient_ref": REFERENCE}
    )

    export_patient(
        site=ward.site, patient_ref=REFERENCE, out=tmp_path / "a.zip", by=ward.administrator, now=ward.now
    )

    with ZipFile(tmp_path / "a.zip") as archive:
        rows = json.loads(archive.read("data.json"))["tables"]["uploads.StagedUpload"]
    assert sorted(row["patient_ref"] for row in rows) == [REFERENCE, REFERENCE, "another patient"]


@pytest.fixture
def other_upload(ward: Ward) -> StagedUpload:
    """A row of another patient; its file name has the digits of the reference 12."""
    return StagedUpload.objects.create(
        owner=ward.administrator,
        site=ward.site,
        name="IMG_20121.dcm",
        size=1,
        staged_at=ward.now,
        status="checked",
        patient_ref="MRN-77",
        details={"patient_name": "CANARY"},
    )


def test_the_erasure_of_a_short_reference_leaves_the_rows_of_others(
    ward: Ward, other_upload: StagedUpload
) -> None:
    ward.admit("12")
    erasure.erase_patient(
        site=ward.site, patient_ref="12", reason="request", by=ward.administrator, now=ward.now
    )
    assert StagedUpload.objects.filter(pk=other_upload.pk).exists()


@pytest.mark.parametrize("name", ["12.dcm", "ward_12-pa.png", "a/12"])
def test_a_file_name_that_names_the_patient_belongs_to_the_patient(
    ward: Ward, other_upload: StagedUpload, name: str
) -> None:
    StagedUpload.objects.filter(pk=other_upload.pk).update(name=name)
    assert of_patient(ward.site, "12", []).get() == other_upload


@pytest.mark.parametrize("name", ["IMG_20121.dcm", "12.dcm"])
def test_what_was_typed_for_another_patient_is_not_exported(
    ward: Ward, other_upload: StagedUpload, tmp_path: Path, name: str
) -> None:
    ward.admit("12")
    StagedUpload.objects.filter(pk=other_upload.pk).update(name=name)
    export_patient(
        site=ward.site, patient_ref="12", out=tmp_path / "a.zip", by=ward.administrator, now=ward.now
    )
    with ZipFile(tmp_path / "a.zip") as archive:
        text = archive.read("data.json").decode()
    assert "CANARY" not in text
    assert "MRN-77" not in text
