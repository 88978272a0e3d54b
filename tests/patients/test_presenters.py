"""The line that names a patient: masked so that no two patients look alike."""

from __future__ import annotations

from datetime import date

import pytest

from diagnostics.accounts.models import Masking, Site
from diagnostics.patients.models import Patient
from diagnostics.patients.presenters import PatientLine, patient_line


def patient(name: str = "Meier, Anna Maria") -> Patient:
    return Patient(reference="H7300431", name=name, birth_date=date(1958, 4, 17), sex="F")


def line(masking: str, name: str = "Meier, Anna Maria", reference: str = "H7300431") -> PatientLine:
    return patient_line(Site(pk="0" * 32, patient_masking=masking), patient(name), reference)


def test_a_site_without_masking_shows_the_whole_line() -> None:
    assert line(Masking.NONE) == PatientLine(
        "Meier, Anna Maria", "H7300431", date(1958, 4, 17), "F", masked=False
    )


def test_a_masked_line_shows_initials_the_last_three_characters_and_a_tag() -> None:
    masked = line(Masking.PARTIAL)
    ending, tag = masked.reference.split(" ")
    assert (masked.name, ending, len(tag), masked.birth_date) == ("A. M. M.", "****431", 8, None)
    assert masked.masked
    assert masked.sex == "F"


def test_a_fully_masked_line_shows_a_tag_alone() -> None:
    masked = line(Masking.FULL)
    assert (masked.name, masked.birth_date, len(masked.reference)) == ("", None, 8)


@pytest.mark.parametrize("masking", [Masking.PARTIAL, Masking.FULL])
def test_ten_thousand_patients_with_the_same_ending_look_different(masking: str) -> None:
    references = {line(masking, reference=f"{number:05d}431").reference for number in range(10_000)}
    assert len(references) == 10_000


@pytest.mark.parametrize(
    ("reference", "masked"), [("H7300431", "****431"), ("431", "****"), ("7", "****"), ("A431", "****431")]
)
def test_a_masked_reference_shows_its_last_three_characters_at_most(reference: str, masked: str) -> None:
    assert line(Masking.PARTIAL, reference=reference).reference.split(" ")[0] == masked


def test_all_cases_of_a_patient_have_one_tag_at_a_site_and_another_at_the_next_site() -> None:
    north, south = Site(pk="1" * 32), Site(pk="2" * 32)
    first, again = patient_line(north, None, "H7300431"), patient_line(north, patient(), "H7300431")
    assert first.reference == again.reference
    assert patient_line(south, None, "H7300431").reference != first.reference


def test_a_revealed_line_is_not_masked() -> None:
    site = Site(pk="1" * 32, patient_masking=Masking.FULL)
    revealed = patient_line(site, patient(), "H7300431", revealed=True)
    assert (revealed.name, revealed.reference, revealed.masked) == ("Meier, Anna Maria", "H7300431", False)


def test_a_name_with_another_writing_is_masked_by_its_latin_initials() -> None:
    assert line(Masking.PARTIAL, name="Yamada, Tarou (山田, 太郎)").name == "T. Y."
    assert line(Masking.PARTIAL, name="").name == ""
