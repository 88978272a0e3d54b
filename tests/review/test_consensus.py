"""The consensus of a case: single reading, agreement, disagreement, adjudication and second opinion."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.cases.services.blinding import record_prediction_shown
from diagnostics.review.errors import CaseFinal, CaseNotFinal, FirstReadingRequired, PredictionSeen
from diagnostics.review.models import (
    Consensus,
    ConsensusStatus,
    Queue,
    Reading,
    ReadingKind,
    ReadingPolicy,
)
from diagnostics.review.selectors import queues, training_labels
from diagnostics.review.services import claims, readings, second_opinion
from diagnostics.review.services.consensus import readers_needed
from tests.review.conftest import Admit, Classify


def signed(case: Case, by: User, now: datetime, finding: str = "normal", note: str = "") -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, note=note, now=now)


def stands(case: Case) -> tuple[str, str, bool]:
    case.refresh_from_db()
    consensus = Consensus.objects.get(case=case)
    return consensus.status, consensus.finding, case.finalized_at is not None


def test_a_single_reading_is_final_without_double_reading(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    assert stands(case) == (ConsensusStatus.FINAL, "normal", True)
    assert case.finalized_at == now


@pytest.mark.usefixtures("two_readers")
def test_two_agreeing_readings_are_final_and_the_first_alone_is_not(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    assert stands(case) == (ConsensusStatus.SECOND_READ, "", False)
    assert list(queues.readable_cases(radiologist, now)) == []
    assert list(queues.readable_cases(second_radiologist, now)) == [case]
    assert not training_labels.training_readings().exists()
    newer = signed(case, second_radiologist, now + timedelta(minutes=1))
    assert stands(case) == (ConsensusStatus.FINAL, "normal", True)
    assert list(training_labels.training_readings()) == [newer]


@pytest.mark.usefixtures("two_readers")
def test_two_disagreeing_readings_are_adjudicated_by_a_third_reader(
    radiologist: User, second_radiologist: User, third_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    agreeing = signed(case, second_radiologist, now, "pneumonia")
    assert stands(case) == (ConsensusStatus.NEEDS_ADJUDICATION, "", False)
    assert claims.claim_next(by=third_radiologist, now=now) is None
    for voter in (radiologist, second_radiologist):
        assert claims.claim_next(by=voter, now=now, queue=Queue.ADJUDICATION) is None
    held = claims.claim_next(by=third_radiologist, now=now, queue=Queue.ADJUDICATION)
    assert held is not None
    assert held.case == case
    decision = signed(case, third_radiologist, now + timedelta(minutes=1), "pneumonia")
    assert decision.kind == ReadingKind.ADJUDICATION
    assert stands(case) == (ConsensusStatus.FINAL, "pneumonia", True)
    assert Reading.objects.filter(case=case).count() == 3
    assert set(training_labels.training_readings()) <= {agreeing, decision}


@pytest.mark.usefixtures("two_readers")
def test_an_adjudication_with_a_third_finding_is_the_training_label(
    radiologist: User, second_radiologist: User, third_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    signed(case, second_radiologist, now, "pneumonia")
    decision = signed(case, third_radiologist, now, "other")
    assert list(training_labels.training_readings()) == [decision]


@pytest.mark.usefixtures("two_readers")
def test_an_amendment_may_end_a_disagreement_but_is_no_training_label(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    mine = signed(case, radiologist, now)
    other = signed(case, second_radiologist, now, "pneumonia")
    readings.amend_reading(
        reading=mine, by=radiologist, finding="pneumonia", confidence="sure", note="", reason="Yes.", now=now
    )  # fmt: skip
    assert stands(case) == (ConsensusStatus.FINAL, "pneumonia", True)
    assert list(training_labels.training_readings()) == [other]


@pytest.mark.usefixtures("two_readers")
def test_the_adjudicator_sees_the_readings_without_names_or_ai_result(
    radiologist: User,
    second_radiologist: User,
    third_radiologist: User,
    admit: Admit,
    classify: Classify,
    client: Client,
    now: datetime,
) -> None:
    case = admit(1)
    classify(case)
    signed(case, radiologist, now, note="Clear lungs.")
    signed(case, second_radiologist, now, "pneumonia", note="Left base.")
    client.force_login(third_radiologist)
    before = client.get(reverse("review:case", args=[case.pk])).content.decode()
    assert "Clear lungs." not in before
    page = client.post(reverse("review:next"), {"queue": "adjudication"}, follow=True).content.decode()
    main = page[page.index("<main") : page.index("</main>")]
    assert {"Clear lungs.", "Left base."} <= {each for each in ("Clear lungs.", "Left base.") if each in main}
    for secret in ("colleague", "0.83", "0.41", "v7", "overlay"):
        assert secret not in main


def test_a_final_case_takes_no_further_reading(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    with pytest.raises(CaseFinal):
        signed(case, second_radiologist, now)
    with pytest.raises(CaseFinal):
        claims.claim(case=case, by=second_radiologist, now=now)


def test_a_second_opinion_opens_the_case_for_one_more_reader(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    with pytest.raises(FirstReadingRequired):
        second_opinion.request_second_opinion(case=case, by=second_radiologist, now=now)
    second_opinion.request_second_opinion(case=case, by=radiologist, now=now)
    assert stands(case) == (ConsensusStatus.SECOND_READ, "", False)
    with pytest.raises(CaseNotFinal):
        second_opinion.request_second_opinion(case=case, by=radiologist, now=now)
    signed(case, second_radiologist, now)
    assert stands(case) == (ConsensusStatus.FINAL, "normal", True)


def test_a_reader_who_has_seen_the_ai_result_cannot_read_the_case(
    radiologist: User, second_radiologist: User, admit: Admit, classify: Classify, now: datetime
) -> None:
    case = admit(1)
    prediction = classify(case)
    signed(case, radiologist, now)
    record_prediction_shown(
        second_radiologist, [prediction], now
    )  # anybody may see it while the case is final
    second_opinion.request_second_opinion(case=case, by=radiologist, now=now)
    assert not queues.readable_cases(second_radiologist, now).exists()
    with pytest.raises(PredictionSeen):
        signed(case, second_radiologist, now)


def test_the_share_of_double_reading_is_kept_and_reproducible(site: Site, admit: Admit) -> None:
    """Of 1,000 fixed ids a share of 30 % lies within four standard deviations: 242 to 358."""
    case = admit(1)
    ReadingPolicy.objects.create(site=site, double_read_percent=30)
    drawn = [readers_needed(Case(pk=UUID(int=number), site=case.site)) for number in range(1000)]
    assert 242 <= drawn.count(2) <= 358
    assert drawn == [readers_needed(Case(pk=UUID(int=number), site=case.site)) for number in range(1000)]
