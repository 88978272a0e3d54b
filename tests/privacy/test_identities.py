"""Erasure and export of what is stored of a patient beside the cases."""

from __future__ import annotations

from pathlib import Path

from diagnostics.cases.models import Case, Correction
from diagnostics.patients.models import IdentityConflict
from diagnostics.patients.models import Patient as Record
from diagnostics.privacy.services import erasure
from diagnostics.privacy.services.export import export_patient
from tests.privacy.conftest import REFERENCE
from tests.privacy.patients import Patient, Ward
from tests.privacy.test_erasure import erase


def test_a_reference_that_another_patients_correction_mentions_is_removed_from_it(
    ward: Ward, patient: Patient, other_patient: Patient
) -> None:
    moved = Correction.objects.get(case=other_patient.case)
    Correction.objects.filter(pk=moved.pk).update(old=REFERENCE)

    erase(ward)

    moved.refresh_from_db()
    assert (moved.old, moved.new) == ("", other_patient.reference)


def test_a_patient_whose_cases_were_all_moved_can_be_erased_and_exported(
    ward: Ward, patient: Patient, other_patient: Patient, tmp_path: Path
) -> None:
    Case.objects.filter(pk=patient.case.pk).update(patient_ref=other_patient.reference)

    exported = export_patient(
        site=ward.site, patient_ref=REFERENCE, out=tmp_path / "a.zip", by=ward.administrator, now=ward.now
    )
    done = erase(ward)

    assert exported.cases == 0
    assert done.rows == {"imports.ImportedFile": 1, "patients.Patient": 1, "patients.IdentityConflict": 1}
    assert not Record.objects.filter(reference=REFERENCE).exists()
    assert Record.objects.filter(reference=other_patient.reference).exists()


def test_an_expired_case_takes_the_record_of_its_patient_with_it(
    ward: Ward, patient: Patient, other_patient: Patient
) -> None:
    erasure.erase_expired(cases=[patient.case.pk], site=ward.site, reason="rule", now=ward.now)

    assert [record.reference for record in Record.objects.all()] == [other_patient.reference]
    assert IdentityConflict.objects.get().reference == other_patient.reference
