"""What a signature does, and that nothing changes it afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Priority
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from diagnostics.review.errors import (
    AlreadySigned,
    AlreadySuperseded,
    ClaimedByAnother,
    ClaimExpired,
    ReasonRequired,
    UnknownFinding,
)
from diagnostics.review.models import Claim, Reading
from diagnostics.review.selectors import queues, training_labels, worklist
from diagnostics.review.selectors import readings as readings_selectors
from diagnostics.review.services import assisted_reading, claiming, readings
from diagnostics.review.worklist_query import WorklistQuery, WorklistState
from tests.review.conftest import Admit, Classify


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


def test_a_signature_keeps_the_answer_ends_the_claim_and_is_on_record(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claiming.claim_next(by=radiologist, now=now)
    later = now + timedelta(minutes=2)
    reading = readings.sign_reading(
        case=case, by=radiologist, finding="other", confidence="unsure", note="Clip.", now=later
    )
    kept = Reading.objects.get()
    assert (kept.case, kept.by, kept.finding, kept.confidence) == (case, radiologist, "other", "unsure")
    assert (kept.note, kept.signed_at, kept.supersedes) == ("Clip.", later, None)
    assert Claim.objects.get().ended_at == later
    event = AuditEvent.objects.get(action=Action.READING_SIGNED)
    assert (event.by, event.target_id, event.detail["reading"]) == (
        radiologist,
        str(case.pk),
        str(reading.pk),
    )


def test_no_patient_reference_reaches_the_record(radiologist: User, admit: Admit, now: datetime) -> None:
    case = admit(1, patient="MRN-SECRET")
    claiming.claim_next(by=radiologist, now=now)
    amended(signed(case, radiologist, now), radiologist, now)
    for event in AuditEvent.objects.values():
        assert "SECRET" not in str(event)


def test_a_case_that_nobody_holds_may_be_signed_at_once(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    assert signed(admit(1), radiologist, now).finding == "normal"


def test_a_case_in_another_readers_hands_may_not_be_signed(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claiming.claim(case=case, by=radiologist, now=now)
    with pytest.raises(ClaimedByAnother):
        signed(case, second_radiologist, now)
    assert not Reading.objects.exists()


def test_who_comes_too_late_is_told_that_the_time_has_ended(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claiming.claim(case=case, by=radiologist, now=now)
    late = now + settings.CLAIM_LEASE
    claiming.claim_next(by=second_radiologist, now=late)
    with pytest.raises(ClaimExpired, match="Your time for this case has ended"):
        signed(case, radiologist, late)


def test_who_comes_late_may_still_sign_while_nobody_else_reads(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claiming.claim(case=case, by=radiologist, now=now)
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


def test_the_database_itself_refuses_a_second_first_reading(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Reading.objects.create(case=case, by=radiologist, finding="other", signed_at=now)


@pytest.mark.parametrize(("finding", "confidence"), [("healthy", "sure"), ("normal", "very")])
def test_an_answer_that_is_not_on_the_list_is_refused(
    finding: str, confidence: str, radiologist: User, admit: Admit, now: datetime
) -> None:
    with pytest.raises(UnknownFinding):
        readings.sign_reading(case=admit(1), by=radiologist, finding=finding, confidence=confidence, now=now)


@pytest.mark.parametrize("role", ["technician", "administrator", "stranger"])
def test_nobody_signs_but_radiologists_of_the_site(
    role: str, admit: Admit, now: datetime, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(NotAllowed):
        signed(admit(1), request.getfixturevalue(role), now)
    assert not Reading.objects.exists()


def test_an_amendment_supersedes_and_the_first_reading_stays_as_it_was(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    first = signed(case, radiologist, now)
    before = Reading.objects.values().get(pk=first.pk)
    second = amended(first, radiologist, now + timedelta(minutes=1))
    assert Reading.objects.values().get(pk=first.pk) == before
    assert (second.supersedes, second.amendment_reason) == (first, "Looked at the prior radiograph.")
    assert readings_selectors.current_reading(case) == second
    assert list(readings_selectors.readings_of(case)) == [second, first]
    assert AuditEvent.objects.filter(action=Action.READING_AMENDED, by=radiologist).count() == 1


def test_a_superseded_reading_cannot_be_amended_again(radiologist: User, admit: Admit, now: datetime) -> None:
    first = signed(admit(1), radiologist, now)
    second = amended(first, radiologist, now)
    with pytest.raises(AlreadySuperseded, match="amended meanwhile"):
        amended(first, radiologist, now, "other")
    assert amended(second, radiologist, now, "other").finding == "other"


def test_an_amendment_needs_a_reason(radiologist: User, admit: Admit, now: datetime) -> None:
    first = signed(admit(1), radiologist, now)
    with pytest.raises(ReasonRequired):
        readings.amend_reading(
            reading=first, by=radiologist, finding="other", confidence="sure", note="", reason="  ", now=now
        )


def test_nobody_amends_the_reading_of_another(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    first = signed(admit(1), radiologist, now)
    with pytest.raises(NotAllowed, match="only by the person who signed it"):
        amended(first, second_radiologist, now)


def test_no_statement_of_the_services_updates_or_deletes_a_reading(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    admit(1), admit(2)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        claim = claiming.claim_next(by=radiologist, now=now)
        assert claim is not None
        readings.sign_and_claim_next(
            case=claim.case, by=radiologist, finding="normal", confidence="sure", note="", now=now
        )
        amended(Reading.objects.get(), radiologist, now)
    verbs = {
        query["sql"].split()[0] for query in queries if "review_reading" in query["sql"].split("WHERE")[0]
    }
    assert verbs == {"INSERT", "SELECT"}


def test_the_admin_lets_nobody_write_readings_or_claims(administrator: User) -> None:
    request = HttpRequest()
    request.user = administrator
    for model in (Reading, Claim):
        page = admin.site.get_model_admin(model)
        assert not page.has_add_permission(request)
        assert not page.has_change_permission(request)
        assert not page.has_delete_permission(request)


def test_only_findings_that_were_given_blind_and_kept_may_be_learned(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    plain, reworded, changed, twice, undecided, unread = (admit(number) for number in range(6))
    first = signed(plain, radiologist, now)
    kept = signed(reworded, radiologist, now)
    amended(kept, radiologist, now, kept.finding)
    there_and_back = amended(signed(changed, radiologist, now), radiologist, now, "covid-19")
    amended(there_and_back, radiologist, now + timedelta(minutes=1), "normal")
    signed(twice, radiologist, now, "pneumonia")
    assisted_reading.request_second_opinion(case=twice, by=radiologist, now=now)
    newer = signed(twice, second_radiologist, now + timedelta(minutes=1), "pneumonia")
    signed(undecided, radiologist, now, "cannot-judge")

    labelled = training_labels.training_readings()

    assert set(labelled) == {first, kept, newer}
    assert {reading.case.radiograph.case for reading in labelled} == {plain, reworded, twice}
    assert unread not in {reading.case for reading in labelled}


def test_a_case_that_cannot_be_judged_counts_as_read(radiologist: User, admit: Admit, now: datetime) -> None:
    signed(admit(1), radiologist, now, "cannot-judge")
    assert not queues.readable_cases(radiologist, now).exists()
    assert worklist.counts(radiologist, now)[WorklistState.FINAL] == 1


def test_the_worklist_tells_apart_where_each_case_stands(
    radiologist: User,
    second_radiologist: User,
    third_radiologist: User,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    stands = {number: admit(number) for number in range(8)}
    classify(stands[0], JobStatus.QUEUED)
    classify(stands[1], JobStatus.RUNNING)
    classify(stands[2], JobStatus.FAILED)
    classify(stands[3])
    claiming.claim(case=stands[4], by=second_radiologist, now=now)
    for number in (5, 6, 7):
        signed(stands[number], second_radiologist, now)
    for number in (6, 7):
        assisted_reading.request_second_opinion(case=stands[number], by=second_radiologist, now=now)
    signed(stands[7], third_radiologist, now, "pneumonia")
    states = {
        case: vars(case)["state"]
        for case in worklist.with_details(worklist.worklist(radiologist, now=now), now)
    }
    assert states == {
        stands[0]: WorklistState.RECEIVED,
        stands[1]: WorklistState.PROCESSING,
        stands[2]: WorklistState.FAILED,
        stands[3]: WorklistState.TO_READ,
        stands[4]: WorklistState.READING,
        stands[6]: WorklistState.SECOND_READ,
        stands[7]: WorklistState.DISAGREE,
    }
    assert list(worklist.worklist(radiologist, WorklistQuery(status=WorklistState.FINAL), now=now)) == [
        stands[5]
    ]
    expected = dict.fromkeys(WorklistState.values, 1) | {"": 7}
    assert worklist.counts(radiologist, now) == expected


def test_the_worklist_is_sorted_and_found_by_accession_and_shows_only_ones_sites(
    radiologist: User, admit: Admit, other_site: Site, now: datetime
) -> None:
    old, new, stat = admit(1), admit(2), admit(13, priority=Priority.STAT)
    admit(4, at=other_site)
    assert list(worklist.worklist(radiologist, now=now)) == [stat, old, new]
    assert list(worklist.worklist(radiologist, WorklistQuery(q="acc-1"), now=now)) == [stat, old]


def test_priors_are_earlier_radiographs_of_the_same_patient_at_the_same_site(
    radiologist: User, admit: Admit, other_site: Site, now: datetime
) -> None:
    radiologist.sites.add(other_site)
    case, prior = admit(2, patient="P"), admit(1, patient="P")
    admit(0, patient="Q"), admit(0, patient="P", at=other_site), admit(3, patient="P")
    assert list(readings_selectors.priors(case, radiologist)) == [prior]


def test_today_begins_at_midnight_of_the_site(
    radiologist: User, admit: Admit, now: datetime, settings: Settings
) -> None:
    settings.TIME_ZONE = "America/New_York"  # 4:30 in the morning there
    signed(admit(1), radiologist, now - timedelta(hours=5))
    signed(admit(2), radiologist, now - timedelta(hours=4))
    admit(3)
    today = worklist.today(radiologist, now)
    assert (today.signed, today.waiting, today.number, today.of) == (1, 1, 2, 2)
