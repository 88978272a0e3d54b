"""Signed readings: who may sign, and which readings become training labels."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.errors import NotAllowed
from diagnostics.review.errors import (
    AlreadySigned,
    ClaimedByAnother,
    ClaimExpired,
    UnknownFinding,
)
from diagnostics.review.models import Claim, Reading
from diagnostics.review.selectors import training_labels
from diagnostics.review.services import claims, readings, second_opinion
from tests.review.conftest import Admit


def signed(case: Case, by: User, now: datetime, finding: str = "normal") -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, now=now)


def amended(reading: Reading, by: User, now: datetime, finding: str = "pneumonia") -> Reading:
    return readings.amend_reading(
        reading=reading,
        by=by,
        finding=finding,
        confidence="fairly",
        note="",
        reason="Looked at the prior radiograph.",
        now=now,
    )


def test_signing_stores_the_reading_ends_the_claim_and_is_audited(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claims.claim_next(by=radiologist, now=now)
    later = now + timedelta(minutes=2)
    reading = readings.sign_reading(
        case=case, by=radiologist, finding="other", confidence="unsure", note="Clip.", now=later
    )
    stored = Reading.objects.get()
    assert (stored.case, stored.by, stored.finding, stored.confidence) == (
        case,
        radiologist,
        "other",
        "unsure",
    )
    assert (stored.note, stored.signed_at, stored.supersedes) == ("Clip.", later, None)
    assert Claim.objects.get().ended_at == later
    event = AuditEvent.objects.get(action=Action.READING_SIGNED)
    assert (event.by, event.target_id, event.detail["reading"]) == (
        radiologist,
        str(case.pk),
        str(reading.pk),
    )


def test_no_patient_reference_reaches_the_audit_log(radiologist: User, admit: Admit, now: datetime) -> None:
    case = admit(1, patient="MRN-SECRET")
    claims.claim_next(by=radiologist, now=now)
    amended(signed(case, radiologist, now), radiologist, now)
    for event in AuditEvent.objects.values():
        assert "SECRET" not in str(event)


def test_an_unclaimed_case_may_be_signed_at_once(radiologist: User, admit: Admit, now: datetime) -> None:
    assert signed(admit(1), radiologist, now).finding == "normal"


def test_a_case_claimed_by_another_reader_cannot_be_signed(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claims.claim(case=case, by=radiologist, now=now)
    with pytest.raises(ClaimedByAnother):
        signed(case, second_radiologist, now)
    assert not Reading.objects.exists()


def test_signing_after_another_reader_claimed_raises_claim_expired(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claims.claim(case=case, by=radiologist, now=now)
    late = now + settings.CLAIM_LEASE
    claims.claim_next(by=second_radiologist, now=late)
    with pytest.raises(ClaimExpired, match="Your claim on this case has expired"):
        signed(case, radiologist, late)


def test_signing_after_the_claim_expired_is_allowed_while_nobody_else_claimed(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claims.claim(case=case, by=radiologist, now=now)
    ended = now + settings.CLAIM_LEASE
    signed(case, radiologist, ended + timedelta(hours=1))
    assert Claim.objects.get().ended_at == ended


@pytest.mark.usefixtures("two_readers")
def test_each_reader_signs_a_case_once(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    with pytest.raises(AlreadySigned, match="You may amend"):
        signed(case, radiologist, now, "pneumonia")
    assert signed(case, second_radiologist, now).by == second_radiologist


def test_the_database_refuses_a_second_first_reading(radiologist: User, admit: Admit, now: datetime) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Reading.objects.create(case=case, by=radiologist, finding="other", signed_at=now)


@pytest.mark.parametrize(("finding", "confidence"), [("healthy", "sure"), ("normal", "very")])
def test_an_unknown_finding_or_confidence_is_refused(
    finding: str, confidence: str, radiologist: User, admit: Admit, now: datetime
) -> None:
    with pytest.raises(UnknownFinding):
        readings.sign_reading(case=admit(1), by=radiologist, finding=finding, confidence=confidence, now=now)


@pytest.mark.parametrize("role", ["technician", "administrator", "stranger"])
def test_only_radiologists_of_the_site_sign(
    role: str, admit: Admit, now: datetime, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(NotAllowed):
        signed(admit(1), request.getfixturevalue(role), now)
    assert not Reading.objects.exists()


def test_signing_and_amending_only_insert_readings(radiologist: User, admit: Admit, now: datetime) -> None:
    admit(1), admit(2)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        claim = claims.claim_next(by=radiologist, now=now)
        assert claim is not None
        readings.sign_and_claim_next(
            case=claim.case, by=radiologist, finding="normal", confidence="sure", note="", now=now
        )
        amended(Reading.objects.get(), radiologist, now)
    verbs = {
        query["sql"].split()[0] for query in queries if "review_reading" in query["sql"].split("WHERE")[0]
    }
    assert verbs == {"INSERT", "SELECT"}


def test_only_blind_unchanged_readings_become_training_labels(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    plain, reworded, changed, twice, undecided, unread = (admit(number) for number in range(6))
    first = signed(plain, radiologist, now)
    stored = signed(reworded, radiologist, now)
    amended(stored, radiologist, now, stored.finding)
    there_and_back = amended(signed(changed, radiologist, now), radiologist, now, "covid-19")
    amended(there_and_back, radiologist, now + timedelta(minutes=1), "normal")
    independent = signed(twice, radiologist, now, "pneumonia")
    second_opinion.request_second_opinion(case=twice, by=radiologist, now=now)
    signed(twice, second_radiologist, now + timedelta(minutes=1), "pneumonia")
    signed(undecided, radiologist, now, "cannot-judge")

    labelled = training_labels.training_readings()

    assert set(labelled) == {first, stored, independent}
    assert {reading.case.radiograph.case for reading in labelled} == {plain, reworded, twice}
    assert unread not in {reading.case for reading in labelled}
