"""Control copies hold texts of two patients: erasure empties those of the erased one, exports hide them."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from diagnostics.cases.models import Case
from diagnostics.cases.services.control_copies import open_control_copy
from diagnostics.patients.models import Patient as Record
from diagnostics.privacy.services import erasure
from diagnostics.privacy.services.export import OTHER, export_patient
from tests.privacy.patients import Patient, Ward
from tests.privacy.test_erasure import erase

QUESTION = "Cough since the funeral of Mr Canary"
REFERRER = "Dr Canary"


@pytest.fixture
def copy(ward: Ward, patient: Patient, other_patient: Patient) -> Case:
    """Return a control copy of the other patient's radiograph with the texts of the patient."""
    Case.objects.filter(pk=patient.case.pk).update(clinical_question=QUESTION, referrer=REFERRER)
    patient.case.refresh_from_db()
    return open_control_copy(
        radiograph_of=other_patient.case, like=patient.case, to=ward.reader, now=ward.now
    )


def texts_of(case: Case) -> tuple[str, str]:
    case.refresh_from_db()
    return case.clinical_question, case.referrer


def test_an_erasure_empties_the_texts_that_a_control_copy_repeats(ward: Ward, copy: Case) -> None:
    assert texts_of(copy) == (QUESTION, REFERRER)

    erase(ward)

    assert texts_of(copy) == ("", "")


def test_an_expired_case_leaves_no_text_in_a_control_copy(ward: Ward, patient: Patient, copy: Case) -> None:
    erasure.erase_expired(cases=[patient.case.pk], site=ward.site, reason="rule", now=ward.now)

    assert texts_of(copy) == ("", "")


def test_the_erasure_of_another_patient_leaves_the_texts_of_control_copies(ward: Ward, copy: Case) -> None:
    third = ward.admit("MRN-3")
    Case.objects.filter(pk=third.case.pk).update(clinical_question="Fever", referrer="Dr Other")
    Case.objects.filter(pk=third.copy.pk).update(clinical_question=QUESTION, referrer=REFERRER)

    erase(ward, third.reference)

    assert texts_of(copy) == (QUESTION, REFERRER)


def test_a_record_is_erased_though_a_control_copy_has_its_reference(
    ward: Ward, patient: Patient, copy: Case
) -> None:
    Case.objects.filter(pk=copy.pk).update(patient_ref=patient.reference)

    erase(ward)

    assert not Record.objects.filter(reference=patient.reference).exists()


def test_an_export_hides_the_texts_of_another_patient_in_a_control_copy(
    ward: Ward, other_patient: Patient, copy: Case, tmp_path: Path
) -> None:
    Case.objects.filter(pk=other_patient.case.pk).update(clinical_question="Fever")
    out = tmp_path / "export.zip"

    export_patient(
        site=ward.site, patient_ref=other_patient.reference, out=out, by=ward.administrator, now=ward.now
    )

    with ZipFile(out) as archive:
        rows = json.loads(archive.read("data.json"))["tables"]["cases.Case"]
    exported = {row["id"]: (row["clinical_question"], row["referrer"]) for row in rows}
    assert exported[str(copy.pk)] == (OTHER, OTHER)
    assert exported[str(other_patient.case.pk)] == ("Fever", "")
