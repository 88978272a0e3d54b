"""Patient and study of an upload: from the file, from the form, and where the two contradict."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.errors import IdentityMismatch, InvalidField
from diagnostics.cases.identity import Decision
from diagnostics.cases.models import Case, Correction, CorrectionKind
from diagnostics.cases.services import admission
from diagnostics.cases.upload_validation import Details
from diagnostics.patients.models import ConflictKind, IdentityConflict, Patient
from tests.radiographs import radiograph_dicom, radiograph_png

Upload = Callable[..., Case]
HEADER: dict[str, Any] = {
    "PatientID": "CANARY-0077431",
    "PatientName": "Meier^Anna",
    "PatientBirthDate": "19580417",
    "PatientSex": "F",
    "AccessionNumber": "A-20-117",
    "StudyInstanceUID": "1.2.826.0.1.1",
    "SeriesInstanceUID": "1.2.826.0.1.2",
    "StudyDate": "20200131",
    "StudyTime": "101530",
    "BodyPartExamined": "CHEST",
    "ImageLaterality": "U",
    "InstitutionName": "North Hospital",
    "Manufacturer": "Siemens",
    "ManufacturerModelName": "Ysio",
    "ReferringPhysicianName": "Berg^Eva",
    "ReasonForTheRequestedProcedure": "Fever?",
}
FORM = Decision(use="form", reason="the wristband says so")
FILE = Decision(use="file", reason="the request was mistyped")


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def upload(technician: User, now: datetime) -> Upload:
    """Return a function that uploads a drawn radiograph with a header."""

    def send(header: dict[str, Any], seed: int = 0, **fields: Any) -> Case:
        content = radiograph_dicom(seed, **header)
        return admission.open_case(radiograph=content, by=technician, now=now, **fields).case

    return send


def test_patient_request_study_and_device_come_from_the_file(upload: Upload, site: Site):
    case = upload(HEADER)

    stored = case.radiograph
    assert (case.patient_ref, case.accession_number) == ("CANARY-0077431", "A-20-117")
    assert (case.referrer, case.clinical_question) == ("Berg, Eva", "Fever?")
    assert (stored.study_uid, stored.series_uid) == ("1.2.826.0.1.1", "1.2.826.0.1.2")
    assert stored.study_at == datetime(2020, 1, 31, 10, 15, 30, tzinfo=UTC)
    assert (stored.modality, stored.body_part, stored.laterality) == ("DX", "CHEST", "U")
    assert (stored.institution, stored.device, stored.age) == ("North Hospital", "Siemens Ysio", 61)
    patient = Patient.objects.get()
    assert (patient.site, patient.reference, patient.name) == (site, "CANARY-0077431", "Meier, Anna")
    assert (patient.birth_date, patient.sex) == (date(1958, 4, 17), "F")


def test_the_form_fills_what_the_file_leaves_empty(technician: User, now: datetime):
    details = Details(
        patient_name="Meier, Anna",
        birth_date=date(2015, 2, 1),
        sex="f",
        study_date=date(2020, 1, 31),
        referrer="Berg, Eva",
        clinical_question="Fever?",
    )
    png = radiograph_png()
    case = admission.open_case(
        radiograph=png, patient_ref="P-1", details=details, by=technician, now=now
    ).case

    stored, patient = case.radiograph, Patient.objects.get()
    assert (stored.sex, stored.study_at, stored.age) == ("F", datetime(2020, 1, 31, tzinfo=UTC), 4)
    assert (case.referrer, case.clinical_question) == ("Berg, Eva", "Fever?")
    assert (patient.name, patient.birth_date, patient.sex) == ("Meier, Anna", date(2015, 2, 1), "F")


def test_a_time_without_an_offset_is_local_to_the_site(upload: Upload, settings: Settings):
    settings.TIME_ZONE = "Europe/Berlin"

    case = upload({"PatientID": "P-1", "StudyDate": "20200131", "StudyTime": "003000"})

    assert case.radiograph.study_at == datetime(2020, 1, 30, 23, 30, tzinfo=UTC)


def test_the_reference_is_required_where_the_file_has_none(upload: Upload):
    with pytest.raises(InvalidField) as error:
        upload({})

    assert error.value.code == "patient_ref_missing"
    assert not Case.objects.exists()


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "patient": ({"patient_ref": "P-2"}, "patient_mismatch"),
    "accession": ({"accession_number": "A-1"}, "accession_mismatch"),
    "view": ({"view": "AP"}, "view_mismatch"),
    "birth date": ({"details": Details(birth_date=date(1985, 4, 17))}, "birth_date_mismatch"),
    "study date": ({"details": Details(study_date=date(2020, 2, 1))}, "study_date_mismatch"),
    "two": ({"patient_ref": "P-2", "view": "AP"}, "patient_mismatch"),
}


@pytest.mark.parametrize(("fields", "code"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_contradiction_is_refused_with_its_code_and_without_the_values(
    upload: Upload, fields: dict[str, Any], code: str
):
    with pytest.raises(IdentityMismatch) as error:
        upload(HEADER, **fields)

    assert (error.value.code, error.value.status) == (code, 409)
    assert "CANARY" not in f"{error.value}{error.value.contradictions!r}"
    assert not Case.objects.exists()


@pytest.mark.parametrize("view", ["PA", ""])
def test_equal_and_empty_fields_contradict_nothing(upload: Upload, view: str):
    details = Details(birth_date=date(1958, 4, 17), study_date=date(2020, 1, 31))

    case = upload(HEADER, patient_ref=" canary-0077431 ", view=view, details=details)

    assert case.patient_ref == "CANARY-0077431"
    assert not Correction.objects.exists()


def test_a_decision_takes_the_form_and_keeps_the_value_of_the_file(upload: Upload, technician: User):
    case = upload(HEADER, patient_ref="P-2", view="AP", decision=FORM)

    assert (case.patient_ref, case.radiograph.view) == ("P-2", "AP")
    assert case.accession_number == "A-20-117"
    kept = list(case.corrections.order_by("kind").values_list("kind", "old", "new", "reason", "at_upload"))
    assert kept == [
        ("patient", "CANARY-0077431", "P-2", "the wristband says so", True),
        ("view", "PA", "AP", "the wristband says so", True),
    ]
    event = AuditEvent.objects.get(action=Action.IDENTITY_CHOSEN)
    assert (event.by, event.detail) == (technician, {"use": "form", "fields": ["patient_ref", "view"]})
    assert "CANARY" not in json.dumps(list(AuditEvent.objects.values("detail", "target_id")))


def test_a_decision_takes_the_file_and_keeps_the_value_of_the_form(upload: Upload):
    case = upload(HEADER, patient_ref="P-2", decision=FILE)

    assert case.patient_ref == "CANARY-0077431"
    correction = case.corrections.get()
    assert (correction.kind, correction.old) == (CorrectionKind.PATIENT, "P-2")


def test_a_birth_date_taken_from_the_form_gives_the_age(upload: Upload):
    birth_date = Details(birth_date=date(2010, 4, 17))
    header = HEADER | {"PatientAge": "061Y"}

    assert upload(header, details=birth_date, decision=FORM).radiograph.age == 9


@pytest.mark.parametrize("field", ["birth_date", "study_date"])
def test_a_year_that_no_patient_has_is_refused(technician: User, now: datetime, field: str):
    details = Details(**{field: date(1, 1, 1)})
    with pytest.raises(InvalidField) as error:
        admission.open_case(
            radiograph=radiograph_png(), patient_ref="P-1", details=details, by=technician, now=now
        )

    assert error.value.code == f"{field}_unusable"


@pytest.mark.parametrize("reason", ["", "  ok ", "x" * 201])
def test_a_decision_needs_a_reason(reason: str):
    with pytest.raises(InvalidField):
        Decision(use="file", reason=reason)


def test_one_accession_number_for_two_patients_is_one_conflict(upload: Upload):
    upload({"PatientID": "P-1", "AccessionNumber": "A-1"}, 1)
    upload({"PatientID": "P-2", "AccessionNumber": "A-1"}, 2)
    upload({"PatientID": "P-2", "AccessionNumber": "A-1"}, 3)
    upload({"PatientID": "P-1", "AccessionNumber": "A-9"}, 4)

    conflict = IdentityConflict.objects.get()
    assert (conflict.kind, conflict.reference, conflict.other_reference) == ("accession", "P-1", "P-2")
    assert conflict.known == "A-1"
    event = AuditEvent.objects.get(action=Action.IDENTITY_CONFLICT_FOUND)
    assert (event.target_id, event.detail) == (str(conflict.pk), {"kind": "accession"})


def test_the_same_accession_number_at_another_site_is_no_conflict(
    upload: Upload, stranger: User, now: datetime
):
    upload({"PatientID": "P-1", "AccessionNumber": "A-1"}, 1)
    admission.open_case(
        radiograph=radiograph_png(2), patient_ref="P-2", accession_number="A-1", by=stranger, now=now
    )

    assert not IdentityConflict.objects.exists()


OTHER_FACTS: dict[str, tuple[dict[str, Any], ConflictKind, str, str]] = {
    "birth date": (
        {"PatientBirthDate": "19850417"},
        ConflictKind.BIRTH_DATE,
        "1958-04-17",
        "1985-04-17",
    ),
    "name": ({"PatientName": "Meyer^Hanna"}, ConflictKind.NAME, "Meier, Anna", "Meyer, Hanna"),
    "sex": ({"PatientSex": "M"}, ConflictKind.SEX, "F", "M"),
}


@pytest.mark.parametrize(("header", "kind", "known", "found"), OTHER_FACTS.values(), ids=OTHER_FACTS.keys())
def test_one_patient_with_two_values_keeps_the_first_and_is_a_conflict(
    upload: Upload, header: dict[str, Any], kind: str, known: str, found: str
):
    upload(HEADER, 1)
    upload(HEADER | header, 2)

    conflict = IdentityConflict.objects.get()
    assert (conflict.kind, conflict.known, conflict.found) == (kind, known, found)
    patient = Patient.objects.get()
    assert (patient.name, patient.birth_date, patient.sex) == ("Meier, Anna", date(1958, 4, 17), "F")


@pytest.mark.parametrize("name", ["MEIER^ANNA", "Meier^Anna^Maria", "Meier^Anna=梅尔^安娜", "Anna^Meier"])
@pytest.mark.filterwarnings("ignore:Value with invalid encoding")
def test_another_writing_of_a_name_is_no_conflict(upload: Upload, name: str):
    upload(HEADER, 1)
    upload(HEADER | {"PatientName": name, "SpecificCharacterSet": "ISO_IR 192"}, 2)

    assert not IdentityConflict.objects.exists()


def test_a_later_upload_fills_what_is_unknown_of_the_patient(upload: Upload):
    upload({"PatientID": "P-1", "PatientSex": "F"}, 1)
    upload({"PatientID": "P-1", "PatientBirthDate": "19580417"}, 2)

    patient = Patient.objects.get()
    assert (patient.sex, patient.birth_date, patient.name) == ("F", date(1958, 4, 17), "")


def test_a_reference_alone_makes_no_record_of_a_patient(upload: Upload):
    upload({"PatientID": "P-1"})

    assert not Patient.objects.exists()


def test_an_import_takes_no_identifier_from_its_files(administrator: User, site: Site, now: datetime):
    stored = admission.store_imported(
        radiograph=radiograph_dicom(1, **HEADER), patient_ref="set-1", site=site, by=administrator, now=now
    )
    case = admission.admit_imported(stored, now=now).case

    assert (case.patient_ref, case.accession_number, case.referrer) == ("set-1", "", "")
    assert (case.radiograph.study_uid, case.radiograph.institution) == ("", "")
    assert (case.radiograph.sex, case.radiograph.age, case.radiograph.device) == ("F", 61, "Siemens Ysio")
    assert not Patient.objects.exists()


def test_a_repeated_upload_is_no_second_case_and_no_second_conflict(upload: Upload):
    first = upload(HEADER, patient_ref="P-2", decision=FORM)

    assert upload(HEADER, patient_ref="P-2", decision=FORM) == first
    with pytest.raises(IdentityMismatch):
        upload(HEADER, patient_ref="P-2")
    assert Correction.objects.count() == 1


def test_nothing_of_a_name_reaches_the_audit_log(upload: Upload):
    upload(HEADER, 1)
    upload(HEADER | {"PatientName": "Meyer^Hanna"}, 2)

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM audit_auditevent")
        recorded = str(cursor.fetchall())
    assert "Meier" not in recorded
    assert "Meyer" not in recorded
