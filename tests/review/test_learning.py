"""The learning queue: shares as the site wishes, the reason kept and told only after the reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from math import log
from random import Random

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Prediction, PredictionOutcome, Priority
from diagnostics.review.models import Claim, Queue, ReadingPolicy, ServedReason
from diagnostics.review.selectors import active_learning, queues
from diagnostics.review.selectors.model_performance import model_performance
from diagnostics.review.services import claiming, readings
from tests.review.conftest import Admit, Classify

Answer = Callable[..., Case]


@pytest.fixture
def answered(admit: Admit, classify: Classify) -> Answer:
    """Admit a case with a kind of answer and probabilities."""

    def answered(
        number: int, kind: str = PredictionOutcome.FINDING, covid: float = 0.9, **order: str
    ) -> Case:
        case = admit(number, **order)
        answer = classify(case)
        rest = (1 - covid) / 2
        Prediction.objects.filter(pk=answer.pk).update(
            outcome=kind,
            finding="covid-19" if covid >= 0.5 else "normal",
            probabilities={"covid-19": covid, "pneumonia": rest, "normal": rest},
            operating_points={"covid-19": 0.5},
        )
        return case

    return answered


def policy(site: Site, **shares: int) -> ReadingPolicy:
    whole = {"uncertain_percent": 0, "contradicted_percent": 0, "novel_percent": 0} | shares
    return ReadingPolicy.objects.create(site=site, has_learning_queue=True, **whole)


def drawn(user: User, rules: ReadingPolicy, now: datetime, seed: int = 1) -> tuple[Case, ServedReason]:
    found = active_learning.draw(queues.readable_cases(user, now), rules, Random(seed))
    assert found is not None
    return found


def test_entropy_is_that_of_the_textbook() -> None:
    assert active_learning.entropy({"a": 0.5, "b": 0.5}) == pytest.approx(log(2))
    assert active_learning.entropy({"a": 1.0, "b": 0.0}) == 0


def test_the_most_undecided_of_those_it_cannot_separate_comes_first(
    radiologist: User, site: Site, answered: Answer, now: datetime
) -> None:
    answered(1)
    answered(2, PredictionOutcome.INDETERMINATE, covid=0.6)
    most = answered(3, PredictionOutcome.INDETERMINATE, covid=0.34)
    assert drawn(radiologist, policy(site, uncertain_percent=100), now) == (most, ServedReason.UNCERTAIN)


def test_novel_and_contradicted_radiographs_are_found(
    radiologist: User, second_radiologist: User, site: Site, answered: Answer, now: datetime
) -> None:
    rules = policy(site, novel_percent=100)
    answered(1)
    novel = answered(2, PredictionOutcome.OUT_OF_DISTRIBUTION)
    assert drawn(radiologist, rules, now) == (novel, ServedReason.NOVEL)

    ReadingPolicy.objects.update(double_read_percent=100, novel_percent=0, contradicted_percent=100)
    rules.refresh_from_db()
    agreed, contradicted = answered(3), answered(4)
    readings.sign_reading(case=agreed, by=second_radiologist, finding="covid-19", now=now)
    readings.sign_reading(case=contradicted, by=second_radiologist, finding="normal", now=now)
    assert drawn(radiologist, rules, now) == (contradicted, ServedReason.CONTRADICTED)


def test_where_there_is_none_of_a_kind_one_is_drawn_at_random_and_says_so(
    radiologist: User, site: Site, answered: Answer, now: datetime
) -> None:
    case = answered(1)
    assert drawn(radiologist, policy(site, novel_percent=100), now) == (case, ServedReason.RANDOM)


def test_shares_are_kept_and_random_radiographs_are_any_radiograph(
    radiologist: User, site: Site, answered: Answer, now: datetime
) -> None:
    """Of 400 draws 30 % lie within four standard deviations: 83 to 157; of 5 radiographs each within 20 to 90."""
    rules = policy(site, uncertain_percent=30, novel_percent=20)
    for number in range(3):
        answered(number)
    answered(3, PredictionOutcome.INDETERMINATE, covid=0.4)
    answered(4, PredictionOutcome.OUT_OF_DISTRIBUTION)
    chance = Random(7)
    found = [active_learning.draw(queues.readable_cases(radiologist, now), rules, chance) for _ in range(400)]
    kinds = Counter(each[1] for each in found if each)
    assert 83 <= kinds[ServedReason.UNCERTAIN] <= 157
    assert 49 <= kinds[ServedReason.NOVEL] <= 111
    cases = Counter(each[0].pk for each in found if each and each[1] == ServedReason.RANDOM)
    assert len(cases) == 5
    assert all(15 <= count <= 70 for count in cases.values())


def test_stat_waits_for_no_lesson(radiologist: User, site: Site, answered: Answer, now: datetime) -> None:
    policy(site)
    answered(1, priority=Priority.STAT)
    assert claiming.claim_next(by=radiologist, now=now, queue=Queue.LEARNING) is None
    clinical = claiming.claim_next(by=radiologist, now=now)
    assert clinical is not None
    assert clinical.served == ServedReason.DUE


def test_the_reason_is_kept_and_told_only_after_the_reading(
    client: Client, radiologist: User, site: Site, answered: Answer
) -> None:
    policy(site, novel_percent=100)
    for number in (1, 2):
        answered(number, PredictionOutcome.OUT_OF_DISTRIBUTION)
    client.force_login(radiologist)
    before = client.post(reverse("review:next"), {"queue": "learning"}, follow=True).content.decode()
    assert "unlike" not in before
    case = Claim.objects.get().case
    assert Claim.objects.get().served == ServedReason.NOVEL
    form = {"finding": "normal", "confidence": "sure", "note": "", "then": "stay"}
    after = client.post(reverse("review:sign", args=[case.pk]), form, follow=True).content.decode()
    assert "It is unlike the radiographs the machine learnt from." in after
    client.post(reverse("review:keep", args=[case.pk]))
    assert Claim.objects.filter(ended_at=None).get().served == ServedReason.NOVEL  # goes on in the same queue


def test_only_radiographs_drawn_at_random_say_how_good_the_machine_is(
    radiologist: User, site: Site, answered: Answer, now: datetime
) -> None:
    """By hand: of four random radiographs two are ill, one flagged; two are well, one flagged."""
    policy(site)
    plan = {1: (0.9, "covid-19"), 2: (0.2, "covid-19"), 3: (0.9, "normal"), 4: (0.1, "normal")}
    truth = {answered(number, covid=covid).pk: finding for number, (covid, finding) in plan.items()}
    while claim := claiming.claim_next(by=radiologist, now=now, queue=Queue.LEARNING):
        readings.sign_reading(case=claim.case, by=radiologist, finding=truth[claim.case_id], now=now)
    chosen = answered(5, covid=0.9)
    claiming.claim(case=chosen, by=radiologist, now=now)
    readings.sign_reading(case=chosen, by=radiologist, finding="covid-19", now=now)
    found = model_performance(radiologist)
    assert (found.sensitivity.right, found.sensitivity.of) == (1, 2)
    assert (found.specificity.right, found.specificity.of) == (1, 2)
    assert found.sensitivity.too_few


@pytest.mark.parametrize("learns", [True, False])
def test_the_button_is_there_where_the_site_wants_it(
    learns: bool, client: Client, radiologist: User, site: Site
) -> None:
    ReadingPolicy.objects.create(site=site, has_learning_queue=learns)
    client.force_login(radiologist)
    assert ("Read to teach" in client.get(reverse("review:worklist")).content.decode()) is learns


def test_shares_of_more_than_the_whole_are_refused(client: Client, administrator: User) -> None:
    client.force_login(administrator)
    rules = {
        "double_read_percent": 0,
        "gold_percent": 0,
        "repeat_percent": 0,
        "urgent_minutes": 60,
        "routine_minutes": 240,
    }
    shares = {"uncertain_percent": 60, "contradicted_percent": 30, "novel_percent": 20}
    answer = client.post(reverse("review:policy"), rules | shares)
    assert answer.status_code == 400
    assert "come to more than 100" in answer.content.decode()
    assert not ReadingPolicy.objects.exists()
