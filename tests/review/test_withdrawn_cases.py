"""Withdrawn cases: nobody reads them, their claims end, and no list or export holds them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from diagnostics.accounts.models import Site, User
from diagnostics.cases.errors import CaseWithdrawn
from diagnostics.cases.models import Case, Radiograph
from diagnostics.cases.selectors.patient import priors
from diagnostics.cases.services.corrections import correct
from diagnostics.patients.models import Patient
from diagnostics.review.errors import ClaimExpired
from diagnostics.review.models import ReadingPolicy, ServedReason
from diagnostics.review.selectors import claims as claim_selectors
from diagnostics.review.selectors import model_performance, queues, reader_agreement
from diagnostics.review.selectors import readings as reading_selectors
from diagnostics.review.services import claims, export, kept_figures, readings
from tests.review.conftest import Admit, Classify
from tests.review.control_cases import add_control, sign


def withdraw(case: Case, by: User, now: datetime) -> None:
    correct(case=case, kind="withdraw", reason="wrong patient", by=by, now=now)


def test_a_withdrawn_case_leaves_the_worklist_and_is_no_prior(
    admit: Admit, radiologist: User, administrator: User, now: datetime
) -> None:
    withdrawn, other = admit(1, patient="MRN-1"), admit(2, patient="MRN-1")
    withdraw(withdrawn, administrator, now)

    assert list(queues.readable_cases(radiologist, now)) == [other]
    assert priors(other, radiologist) == []
    claimed = claims.claim_next(by=radiologist, now=now)
    assert claimed is not None
    assert claimed.case == other


def test_a_withdrawal_ends_the_claim_and_refuses_the_signature(
    admit: Admit, radiologist: User, administrator: User, now: datetime
) -> None:
    case = admit(1)
    claims.claim(case=case, by=radiologist, now=now)
    withdraw(case, administrator, now)

    assert claim_selectors.claim_held_by(radiologist, now) is None
    with pytest.raises(ClaimExpired):
        claims.renew(case=case, by=radiologist, now=now)
    with pytest.raises(CaseWithdrawn):
        sign(case, radiologist, "normal", now)
    assert claims.claim_next(by=radiologist, now=now) is None


def test_readings_of_a_withdrawn_case_stay_and_are_not_amended(
    admit: Admit, radiologist: User, administrator: User, now: datetime
) -> None:
    case = admit(1)
    reading = sign(case, radiologist, "normal", now)
    withdraw(case, administrator, now)

    case.refresh_from_db()
    assert list(reading_selectors.readings_visible_to(administrator, case)) == [reading]
    with pytest.raises(CaseWithdrawn):
        readings.amend_reading(
            reading=reading,
            by=radiologist,
            finding="pneumonia",
            confidence="sure",
            note="",
            reason="seen again",
            now=now,
        )


def test_exports_leave_withdrawn_cases_out(
    admit: Admit, radiologist: User, administrator: User, now: datetime
) -> None:
    kept, withdrawn = admit(1), admit(2)
    for case in (kept, withdrawn):
        sign(case, radiologist, "normal", now)
    withdraw(withdrawn, administrator, now)

    rows = export.export(cases=[kept, withdrawn], by=administrator, now=now)
    assert [row[0] for row in rows] == [str(kept.pk)]
    assert [one.case for one in export.export_first_readings(by=administrator, now=now)] == [kept]


def test_a_withdrawn_case_leaves_agreement_and_model_performance(
    admit: Admit,
    classify: Classify,
    radiologist: User,
    second_radiologist: User,
    administrator: User,
    site: Site,
    now: datetime,
) -> None:
    ReadingPolicy.objects.create(site=site, double_read_percent=100)
    case = admit(1)
    classify(case)
    claims.create_claim(case, radiologist, now, served=ServedReason.RANDOM)
    for reader in (radiologist, second_radiologist):
        sign(case, reader, "covid-19", now)
    assert counted(administrator) == (1, 1)

    withdraw(case, administrator, now)
    assert counted(administrator) == (0, 0)

    correct(case=case, kind="reinstate", reason="right patient", by=administrator, now=now)
    assert counted(administrator) == (1, 1)


def counted(user: User) -> tuple[int, int]:
    """Return the cases of the agreement of readers and of the model's sensitivity."""
    kept_figures.bring_up_to_date()
    agreement = reader_agreement.agreement_of_readers(user)
    return agreement.alpha.cases, model_performance.model_performance(user).sensitivity.total


@pytest.mark.usefixtures("media_root")
def test_a_withdrawn_reference_case_is_served_no_more(
    control_policy: ReadingPolicy,
    reference_case: Case,
    admit: Admit,
    radiologist: User,
    administrator: User,
    now: datetime,
) -> None:
    control = add_control(admit(1), radiologist, now)
    withdraw(reference_case, administrator, now)

    control.refresh_from_db()
    assert control.withdrawn_at == now
    with pytest.raises(AssertionError):  # no further control case is added
        add_control(admit(2), radiologist, now + timedelta(hours=1))


@pytest.mark.usefixtures("media_root")
def test_a_control_case_has_nothing_of_the_identity_of_the_original_patient(
    control_policy: ReadingPolicy, reference_case: Case, admit: Admit, radiologist: User, now: datetime
) -> None:
    identifying = {"study_uid": "1.2.3.777", "series_uid": "1.2.3.778", "sop_instance_uid": "1.2.3.779"}
    Radiograph.objects.filter(case=reference_case).update(institution="CANARY", **identifying)
    Case.objects.filter(pk=reference_case.pk).update(referrer="CANARY", clinical_question="CANARY?")
    like = admit(1)
    uids = {"study_uid": "1.2.840.100", "series_uid": "1.2.840.200", "sop_instance_uid": "1.2.840.300"}
    Radiograph.objects.filter(case=like).update(institution="North", **uids)
    Case.objects.filter(pk=like.pk).update(referrer="Berg, Eva", clinical_question="Fever?")

    born = {"birth_date": date(1958, 4, 17), "sex": "F", "site": like.site}
    names = {like.patient_ref: "Like, Anna", reference_case.patient_ref: "CANARY, Canary", "X": "Berg, Eva"}
    for reference, name in names.items():
        Patient.objects.create(reference=reference, name=name, **born)

    control = add_control(Case.objects.get(pk=like.pk), radiologist, now)

    patient = Patient.objects.get(reference=control.patient_ref)
    assert (patient.name, patient.sex) == ("Berg, Eva", "F")
    assert patient.birth_date not in (None, born["birth_date"])
    age = control.radiograph.age
    assert age is not None
    assert age * 365 <= (now.date() - patient.birth_date).days < (age + 1) * 366
    stored = Radiograph.objects.get(case=control)
    assert (control.referrer, control.clinical_question) == ("Berg, Eva", "Fever?")
    assert stored.institution == "North"
    for name, uid in uids.items():
        synthetic = getattr(stored, name)
        assert synthetic not in (uid, identifying[name])
        assert (synthetic[:8], len(synthetic)) == (uid[:8], len(uid))
