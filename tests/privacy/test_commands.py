"""The commands of privacy: the reference comes through a pipe, and a deletion has to be confirmed."""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import CommandError, call_command

from diagnostics.cases.models import Case
from diagnostics.privacy.models import Erasure, RetentionRule
from tests.privacy.conftest import REFERENCE
from tests.privacy.patients import Patient, Ward


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{REFERENCE}\n"))


def call(name: str, *words: str) -> str:
    out = io.StringIO()
    call_command(name, *words, stdout=out, stderr=out)
    return out.getvalue()


def test_erase_patient_lists_and_deletes_what_the_pipe_names(
    piped: None, ward: Ward, patient: Patient
) -> None:
    ward.train(1, [patient.reading])

    printed = call("erase_patient", "--by", "administrator", "--reason", "request", "--yes")

    assert "4 review.Reading" in printed
    assert "Training runs that used them: run1" in printed
    assert "Model versions trained on them: v2" in printed
    assert REFERENCE not in printed
    assert not Case.objects.filter(patient_ref=REFERENCE).exists()
    assert str(Erasure.objects.get().pk) in printed


@pytest.mark.parametrize("words", [("--dry-run",), ()])
def test_erase_patient_deletes_nothing_in_a_dry_run_or_without_a_confirmation(
    piped: None, ward: Ward, patient: Patient, words: tuple[str, ...]
) -> None:
    try:
        printed = call("erase_patient", "--by", "administrator", "--reason", "request", *words)
    except CommandError as error:
        printed = str(error)

    assert printed.endswith(("nothing was deleted.\n", "confirm with --yes."))
    assert Case.objects.filter(patient_ref=REFERENCE).exists()


def test_export_patient_writes_a_zip_of_what_the_pipe_names(
    piped: None, ward: Ward, patient: Patient, tmp_path: Path
) -> None:
    printed = call("export_patient", str(tmp_path / "a.zip"), "--by", "administrator", "--site", "North")

    assert "2 cases, 8 files" in printed
    assert REFERENCE not in printed
    assert ZipFile(tmp_path / "a.zip").testzip() is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--by", "nobody-here"), "no active user"),
        (("--by", "radiologist"), "permission"),
        (("--by", "administrator", "--site", "Nowhere"), "no site named"),
    ],
)
def test_a_wrong_user_or_site_is_refused_with_the_reason(
    piped: None, ward: Ward, patient: Patient, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        call("erase_patient", "--reason", "request", "--yes", *words)

    assert Case.objects.filter(patient_ref=REFERENCE).exists()


def test_set_retention_and_apply_retention_print_what_they_do(ward: Ward, patient: Patient) -> None:
    Case.objects.filter(pk=patient.case.pk).update(opened_at=ward.now.replace(year=1990))

    assert "cases for 10 years, replaced AI results without limit" in call(
        "set_retention", "--case-years", "10", "--by", "administrator"
    )
    assert "North: 1 cases" in call("apply_retention", "--dry-run")
    assert Case.objects.filter(pk=patient.case.pk).exists()
    assert "North: erased" in call("apply_retention")
    assert not Case.objects.filter(pk=patient.case.pk).exists()
    assert RetentionRule.objects.get().case_years == 10


def test_erase_again_erases_who_was_erased_before_a_restore(
    piped: None, ward: Ward, patient: Patient, other_patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = call("erase_patient", "--by", "administrator", "--reason", "request", "--yes")
    digest = printed.split()[-1]
    ward.admit(REFERENCE)  # as an older backup would
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{digest}\n{'0' * 64}\n"))

    assert "2 digests: 1 patients" in call("erase_again", "--by", "administrator")

    assert list(Case.objects.filter(copy_of=None)) == [other_patient.case]
