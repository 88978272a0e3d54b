"""Corrections of a case: who may, what changes, what is kept, and what the audit log holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import selectors
from diagnostics.cases.errors import CaseWithdrawn, InvalidField, NothingToCorrect
from diagnostics.cases.models import Case, Correction, CorrectionKind
from diagnostics.cases.services import corrections, retry
from diagnostics.cases.services.bulk_retry import retry_many
from diagnostics.cases.services.corrections import OWN_UPLOAD, correct, merge_patients
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from diagnostics.patients.models import IdentityConflict, Patient
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import SendRadiograph, take_messages
from tests.cases.predictions import finish_prediction

Correct = Callable[..., Correction]
REASON = "the wristband says so"


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def case(send_radiograph: SendRadiograph) -> Case:
    return send_radiograph(1, patient_ref="CANARY-1", accession_number="CANARY-ACC", view="AP")


@pytest.fixture
def by_administrator(administrator: User, now: datetime) -> Correct:
    """Return a function by which an administrator corrects a case, a day after its upload."""

    def _correct(case: Case, kind: str, value: str = "", **changed: Any) -> Correction:
        arguments: dict[str, Any] = {
            "reason": REASON,
            "by": administrator,
            "now": now + timedelta(days=1),
        } | changed
        return correct(case=case, kind=kind, value=value, **arguments)

    return _correct


CHANGES: dict[str, tuple[str, str, str, Callable[[Case], str]]] = {
    "patient": ("patient", " P-2 ", "CANARY-1", lambda case: case.patient_ref),
    "accession": ("accession", "A-9", "CANARY-ACC", lambda case: case.accession_number),
    "view": ("view", "pa", "AP", lambda case: case.radiograph.view),
}


@pytest.mark.parametrize(("kind", "value", "old", "stored"), CHANGES.values(), ids=CHANGES.keys())
def test_a_correction_changes_the_case_and_keeps_the_old_value(
    case: Case,
    by_administrator: Correct,
    administrator: User,
    kind: str,
    value: str,
    old: str,
    stored: Callable[[Case], str],
):
    correction = by_administrator(case, kind, value)

    new = value.strip().upper()
    assert stored(Case.objects.get(pk=case.pk)) == new
    assert (correction.old, correction.new, correction.reason) == (old, new, REASON)
    assert (correction.by, correction.at_upload) == (administrator, False)
    event = AuditEvent.objects.get(action=Action.CASE_CORRECTED)
    assert event.detail == {"kind": kind, "correction": str(correction.pk)}
    assert "CANARY" not in json.dumps(list(AuditEvent.objects.values("detail", "target_id")))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2020-01-31", datetime(2020, 1, 31, tzinfo=UTC)),
        ("2020-01-31T10:15", datetime(2020, 1, 31, 10, 15, tzinfo=UTC)),
        ("2020-01-31T10:15+01:00", datetime(2020, 1, 31, 9, 15, tzinfo=UTC)),
    ],
)
def test_a_study_date_is_a_day_or_a_time(
    case: Case, by_administrator: Correct, value: str, expected: datetime
):
    by_administrator(case, "study-date", value)

    case.radiograph.refresh_from_db()
    assert case.radiograph.study_at == expected


INVALID: dict[str, tuple[str, str, str]] = {
    "no reference": ("patient", " ", "patient_ref_missing"),
    "control character": ("patient", "P\n1", "patient_ref_unusable"),
    "unknown view": ("view", "oblique", "view_unknown"),
    "no date": ("study-date", "tomorrow", "study_date_unusable"),
    "year without a time in UTC": ("study-date", "0001-01-01T00:00+14:00", "study_date_unusable"),
    "impossible date": ("study-date", "2020-02-31", "study_date_unusable"),
    "unknown kind": ("age", "7", "kind_unknown"),
    "merge": ("merge", "P-2", "kind_unknown"),
}


@pytest.mark.parametrize(("kind", "value", "code"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_correction_changes_nothing(
    case: Case, by_administrator: Correct, kind: str, value: str, code: str
):
    with pytest.raises(InvalidField) as error:
        by_administrator(case, kind, value)

    assert error.value.code == code
    assert not Correction.objects.exists()


def test_a_correction_needs_a_reason_and_a_change(case: Case, by_administrator: Correct):
    with pytest.raises(InvalidField):
        by_administrator(case, "patient", "P-2", reason=" no ")
    with pytest.raises(NothingToCorrect):
        by_administrator(case, "patient", "CANARY-1")
    assert Case.objects.get().patient_ref == "CANARY-1"


def test_uploaders_correct_their_own_case_for_an_hour(case: Case, technician: User, now: datetime):
    correct(case=case, kind="view", value="PA", reason=REASON, by=technician, now=now + OWN_UPLOAD)

    late = now + OWN_UPLOAD + timedelta(seconds=1)
    with pytest.raises(NotAllowed):
        correct(case=case, kind="view", value="AP", reason=REASON, by=technician, now=late)


def test_others_correct_nothing(case: Case, radiologist: User, stranger: User, now: datetime):
    for user in (radiologist, stranger):
        with pytest.raises(NotAllowed):
            correct(case=case, kind="view", value="PA", reason=REASON, by=user, now=now)


def test_an_administrator_of_another_site_corrects_nothing(
    case: Case, administrator: User, by_administrator: Correct
):
    administrator.sites.clear()

    with pytest.raises(NotAllowed):
        by_administrator(case, "view", "PA")


def test_uploaders_neither_merge_nor_reinstate(case: Case, technician: User, now: datetime):
    correct(case=case, kind="withdraw", reason=REASON, by=technician, now=now)

    with pytest.raises(NotAllowed):
        correct(case=case, kind="reinstate", reason=REASON, by=technician, now=now)
    with pytest.raises(NotAllowed):
        merge_patients(case=case, into="P-2", reason=REASON, by=technician, now=now)


def test_a_read_only_token_of_the_uploader_corrects_nothing(case: Case, technician: User, now: datetime):
    technician.scopes = frozenset({"read", "review"})

    assert corrections.permitted_kinds(case, technician, now) == frozenset()


def test_a_moved_case_with_the_accession_number_of_another_patient_is_a_conflict(
    case: Case, send_radiograph: SendRadiograph, by_administrator: Correct
):
    other = send_radiograph(2, patient_ref="CANARY-1", accession_number="CANARY-ACC")
    by_administrator(other, "patient", "P-2")

    conflict = IdentityConflict.objects.get()
    assert (conflict.reference, conflict.other_reference) == ("CANARY-1", "P-2")


def test_a_withdrawn_case_is_not_scored(
    case: Case, by_administrator: Correct, administrator: User, now: datetime
):
    by_administrator(case, "withdraw")

    case.refresh_from_db()
    prediction = case.predictions.get()
    assert (case.withdrawn_at, case.on_worklist) == (now + timedelta(days=1), False)
    assert (prediction.status, prediction.failure_code) == (JobStatus.FAILED, "withdrawn")
    assert selectors.visible_to(administrator).filter(pk=case.pk).exists()
    with pytest.raises(CaseWithdrawn):
        retry.retry(case=case, by=administrator, now=now)
    assert AuditEvent.objects.filter(action=Action.CASE_WITHDRAWN, target_id=str(case.pk)).exists()


def test_a_withdrawn_case_takes_no_other_correction(case: Case, by_administrator: Correct):
    by_administrator(case, "withdraw")

    with pytest.raises(CaseWithdrawn):
        by_administrator(case, "patient", "P-2")


def test_the_radiograph_of_a_withdrawn_case_is_not_admitted_again(
    case: Case, by_administrator: Correct, send_radiograph: SendRadiograph
):
    by_administrator(case, "withdraw")

    with pytest.raises(CaseWithdrawn):
        send_radiograph(1, patient_ref="CANARY-1")


def test_a_reinstated_case_is_read_and_scored_again(
    case: Case,
    by_administrator: Correct,
    messages: Path,
    django_capture_on_commit_callbacks: Callable[..., Any],
):
    by_administrator(case, "withdraw")
    take_messages(messages)
    with django_capture_on_commit_callbacks(execute=True):
        by_administrator(case, "reinstate")

    case.refresh_from_db()
    prediction = case.predictions.get()
    assert (case.withdrawn_at, case.on_worklist, prediction.status) == (None, True, JobStatus.QUEUED)
    assert take_messages(messages) == [str(prediction.pk)]
    with pytest.raises(NothingToCorrect):
        by_administrator(case, "reinstate")


def test_an_imported_case_is_not_on_the_worklist_after_its_reinstatement(
    case: Case, by_administrator: Correct
):
    Case.objects.filter(pk=case.pk).update(on_worklist=False)
    by_administrator(case, "withdraw")
    by_administrator(case, "reinstate")

    case.refresh_from_db()
    assert not case.on_worklist


@pytest.mark.parametrize(("view", "status"), [("LATERAL", JobStatus.QUEUED), ("PA", JobStatus.DONE)])
def test_a_result_is_computed_again_where_the_quality_gate_judges_the_view_otherwise(
    case: Case, by_administrator: Correct, version: ModelVersion, view: str, status: JobStatus
):
    finish_prediction(case, version)
    by_administrator(case, "view", view)

    assert case.predictions.get().status == status


@pytest.fixture
def two_records(send_radiograph: SendRadiograph, now: datetime) -> list[Case]:
    """Return three cases: two under one reference, one under another reference of the same person."""
    cases = [send_radiograph(seed, patient_ref="OLD-1") for seed in (1, 2)]
    cases.append(send_radiograph(3, patient_ref="NEW-1"))
    site = cases[0].site
    Patient.objects.create(site=site, reference="OLD-1", name="Meier, Anna", birth_date=date(1958, 4, 17))
    Patient.objects.create(site=site, reference="NEW-1", name="Meier, Anna", sex="F")
    return cases


def test_merged_records_have_one_reference_and_everything_that_was_known(
    two_records: list[Case], administrator: User, now: datetime
):
    merged = merge_patients(case=two_records[0], into="NEW-1", reason=REASON, by=administrator, now=now)

    assert set(Case.objects.values_list("patient_ref", flat=True)) == {"NEW-1"}
    patient = Patient.objects.get()
    assert (patient.reference, patient.birth_date, patient.sex) == ("NEW-1", date(1958, 4, 17), "F")
    assert {(one.case_id, one.kind, one.old, one.new) for one in merged} == {
        (case.pk, CorrectionKind.MERGE, "OLD-1", "NEW-1") for case in two_records[:2]
    }
    assert AuditEvent.objects.filter(action=Action.PATIENTS_MERGED).count() == 2
    assert not IdentityConflict.objects.exists()


def test_merged_records_with_two_birth_dates_are_a_conflict(
    two_records: list[Case], administrator: User, now: datetime
):
    Patient.objects.filter(reference="NEW-1").update(birth_date=date(1985, 4, 17))

    merge_patients(case=two_records[0], into="NEW-1", reason=REASON, by=administrator, now=now)

    conflict = IdentityConflict.objects.get()
    assert (conflict.known, conflict.found) == ("1985-04-17", "1958-04-17")


def test_a_bulk_retry_skips_withdrawn_cases(
    case: Case, by_administrator: Correct, administrator: User, version: ModelVersion, now: datetime
):
    by_administrator(case, "withdraw")

    assert retry_many(cases=[case], by=administrator, now=now) == (0, 1)
