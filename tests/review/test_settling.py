"""What readings come to: one word, two that agree, two that do not and a third who decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.accounts.services import make_token
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.cases.services.blinding import record_prediction_shown
from diagnostics.review.errors import CaseFinal, CaseNotFinal, FirstReadingRequired, PredictionSeen
from diagnostics.review.models import (
    AssistedReading,
    Consensus,
    ConsensusStatus,
    Queue,
    Reading,
    ReadingKind,
    ReadingPolicy,
)
from diagnostics.review.selectors import queues, training_labels
from diagnostics.review.services import assisted_reading, claiming, readings
from diagnostics.review.services.consensus import readers_needed
from tests.conftest import employ
from tests.review.conftest import Admit, Classify


def signed(case: Case, by: User, now: datetime, finding: str = "normal", note: str = "") -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, note=note, now=now)


def stands(case: Case) -> tuple[str, str, bool]:
    case.refresh_from_db()
    consensus = Consensus.objects.get(case=case)
    return consensus.standing, consensus.finding, case.finalized_at is not None


def test_one_reading_is_final_where_one_is_enough(radiologist: User, admit: Admit, now: datetime) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    assert stands(case) == (ConsensusStatus.FINAL, "normal", True)
    assert case.finalized_at == now


@pytest.mark.usefixtures("two_readers")
def test_two_who_agree_are_final_and_the_first_alone_is_not(
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
def test_of_two_who_disagree_a_third_decides_and_all_votes_are_kept(
    radiologist: User, second_radiologist: User, third_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    agreeing = signed(case, second_radiologist, now, "pneumonia")
    assert stands(case) == (ConsensusStatus.DISAGREE, "", False)
    assert claiming.claim_next(by=third_radiologist, now=now) is None
    for voter in (radiologist, second_radiologist):
        assert claiming.claim_next(by=voter, now=now, queue=Queue.DISAGREEMENTS) is None
    held = claiming.claim_next(by=third_radiologist, now=now, queue=Queue.DISAGREEMENTS)
    assert held is not None
    assert held.case == case
    decision = signed(case, third_radiologist, now + timedelta(minutes=1), "pneumonia")
    assert decision.kind == ReadingKind.ADJUDICATION
    assert stands(case) == (ConsensusStatus.FINAL, "pneumonia", True)
    assert Reading.objects.filter(case=case).count() == 3
    assert set(training_labels.training_readings()) <= {agreeing, decision}


@pytest.mark.usefixtures("two_readers")
def test_a_decision_that_nobody_had_voted_for_is_the_label(
    radiologist: User, second_radiologist: User, third_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    signed(case, second_radiologist, now, "pneumonia")
    decision = signed(case, third_radiologist, now, "other")
    assert list(training_labels.training_readings()) == [decision]


@pytest.mark.usefixtures("two_readers")
def test_a_reader_who_comes_round_ends_the_disagreement_but_teaches_nothing_new(
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
def test_votes_are_shown_to_who_decides_without_names_and_without_the_machine(
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
    page = client.post(reverse("review:next"), {"queue": "disagreements"}, follow=True).content.decode()
    main = page[page.index("<main") : page.index("</main>")]
    assert {"Clear lungs.", "Left base."} <= {each for each in ("Clear lungs.", "Left base.") if each in main}
    for secret in ("colleague", "0.83", "0.41", "v7", "overlay"):
        assert secret not in main


def test_a_settled_case_takes_no_further_reading(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    with pytest.raises(CaseFinal):
        signed(case, second_radiologist, now)
    with pytest.raises(CaseFinal):
        claiming.claim(case=case, by=second_radiologist, now=now)


def test_a_second_opinion_opens_the_case_for_one_more_blind_reader(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    signed(case, radiologist, now)
    with pytest.raises(FirstReadingRequired):
        assisted_reading.request_second_opinion(case=case, by=second_radiologist, now=now)
    assisted_reading.request_second_opinion(case=case, by=radiologist, now=now)
    assert stands(case) == (ConsensusStatus.SECOND_READ, "", False)
    with pytest.raises(CaseNotFinal):
        assisted_reading.request_second_opinion(case=case, by=radiologist, now=now)
    signed(case, second_radiologist, now)
    assert stands(case) == (ConsensusStatus.FINAL, "normal", True)


def test_who_has_seen_the_answer_reads_no_more(
    radiologist: User, second_radiologist: User, admit: Admit, classify: Classify, now: datetime
) -> None:
    case = admit(1)
    answer = classify(case)
    signed(case, radiologist, now)
    record_prediction_shown(
        second_radiologist, [answer], now
    )  # while the case was settled, anybody could look
    assisted_reading.request_second_opinion(case=case, by=radiologist, now=now)
    assert not queues.readable_cases(second_radiologist, now).exists()
    with pytest.raises(PredictionSeen):
        signed(case, second_radiologist, now)


def test_the_share_of_double_reads_is_kept_and_drawn_by_the_cases_id(site: Site, admit: Admit) -> None:
    """Of 1,000 fixed ids a share of 30 % lies within four standard deviations: 242 to 358."""
    case = admit(1)
    ReadingPolicy.objects.create(site=site, double_read_percent=30)
    drawn = [readers_needed(Case(pk=UUID(int=number), site=case.site)) for number in range(1000)]
    assert 242 <= drawn.count(2) <= 358
    assert drawn == [readers_needed(Case(pk=UUID(int=number), site=case.site)) for number in range(1000)]


@pytest.fixture
def answered(admit: Admit, classify: Classify) -> Case:
    case = admit(1)
    classify(case)
    return case


def _script(user: User, now: datetime) -> Client:
    return Client(headers={"Authorization": f"Token {make_token(by=user, now=now)}"})


@pytest.mark.usefixtures("two_readers")
def test_a_readers_script_learns_nothing_before_the_readers_own_signature(
    answered: Case, radiologist: User, second_radiologist: User, technician: User, now: datetime
) -> None:
    signed(answered, second_radiologist, now, "pneumonia")
    address, script = reverse("api-case", args=[answered.pk]), _script(radiologist, now)
    listed = script.get(reverse("api-case-list")).json()["results"][0]
    for body in (script.get(address).json(), listed):
        assert (body["status"], body["prediction"], body["withheld"]) == ("done", None, True)
    for picture in ("overlay.png", "heat/covid-19.png"):
        assert script.get(f"/cases/{answered.pk}/{picture}").status_code == 403
    assert not PredictionShown.objects.exists()

    signed(answered, radiologist, now)
    body = script.get(address).json()
    assert (body["prediction"]["finding"], body["withheld"]) == ("covid-19", False)
    assert [shown.to for shown in PredictionShown.objects.all()] == [radiologist]
    assert _script(technician, now).get(address).json()["prediction"]["finding"] == "covid-19"


def test_the_first_word_after_the_answer_is_kept_apart(
    answered: Case, radiologist: User, client: Client, now: datetime
) -> None:
    first = signed(answered, radiologist, now)
    client.force_login(radiologist)
    client.get(reverse("review:case", args=[answered.pk]))
    client.post(reverse("review:keep", args=[answered.pk]))
    look = AssistedReading.objects.get()
    assert (look.reading, look.finding, look.prediction.finding) == (first, "normal", "covid-19")
    readings.amend_reading(
        reading=first, by=radiologist, finding="covid-19", confidence="sure", note="", reason="Yes.", now=now
    )  # fmt: skip
    assert AssistedReading.objects.get().finding == "normal"


def test_a_change_of_mind_without_the_answer_is_no_second_look(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    first = signed(admit(1), radiologist, now)
    readings.amend_reading(
        reading=first, by=radiologist, finding="other", confidence="sure", note="", reason="A slip.", now=now
    )  # fmt: skip
    assert not AssistedReading.objects.exists()


def test_a_stranger_neither_keeps_nor_asks(admit: Admit, other_site: Site, client: Client) -> None:
    case = admit(1)
    client.force_login(employ("elsewhere", Role.RADIOLOGIST, other_site))
    for page in ("keep", "second-opinion"):
        assert client.post(reverse(f"review:{page}", args=[case.pk])).status_code == 404
