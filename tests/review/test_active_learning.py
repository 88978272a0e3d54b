"""The active-learning queue: shares, reasons, and model performance on its random share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from math import log
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Prediction, PredictionOutcome, Priority
from diagnostics.errors import NotAllowed
from diagnostics.review.models import Claim, Queue, ReadingPolicy, ServedReason
from diagnostics.review.selectors import active_learning, queues
from diagnostics.review.selectors.model_performance import model_performance
from diagnostics.review.services import claims, kept_figures, readings
from diagnostics.review.services.selection import select_cases
from tests.review.conftest import Admit, Classify

ClassifiedCase = Callable[..., Case]


@pytest.fixture
def classified(admit: Admit, classify: Classify) -> ClassifiedCase:
    """Admit a case with a kind of prediction and probabilities."""

    def classified(
        number: int, outcome: str = PredictionOutcome.FINDING, covid: float = 0.9, **order: Any
    ) -> Case:
        case = admit(number, **order)
        prediction = classify(case)
        rest = (1 - covid) / 2
        Prediction.objects.filter(pk=prediction.pk).update(
            outcome=outcome,
            finding="covid-19" if covid >= 0.5 else "normal",
            probabilities={"covid-19": covid, "pneumonia": rest, "normal": rest},
            operating_points={"covid-19": 0.5},
        )
        return case

    return classified


def policy(site: Site, **shares: int) -> ReadingPolicy:
    whole = {"uncertain_percent": 0, "contradicted_percent": 0, "novel_percent": 0} | shares
    return ReadingPolicy.objects.create(site=site, has_active_learning_queue=True, **whole)


def drawn(user: User, rules: ReadingPolicy, now: datetime, seed: int = 1) -> tuple[Case, ServedReason]:
    found = active_learning.draw(queues.readable_cases(user, now), rules, Random(seed))
    assert found is not None
    return found


def test_entropy_equals_the_textbook_values() -> None:
    assert active_learning.entropy({"a": 0.5, "b": 0.5}) == pytest.approx(log(2))
    assert active_learning.entropy({"a": 1.0, "b": 0.0}) == 0


def test_the_indeterminate_case_of_highest_entropy_is_drawn_first(
    radiologist: User, site: Site, classified: ClassifiedCase, now: datetime
) -> None:
    classified(1)
    classified(2, PredictionOutcome.INDETERMINATE, covid=0.6)
    most = classified(3, PredictionOutcome.INDETERMINATE, covid=0.34)
    assert drawn(radiologist, policy(site, uncertain_percent=100), now) == (most, ServedReason.UNCERTAIN)


def test_out_of_distribution_and_contradicted_cases_are_drawn(
    radiologist: User, second_radiologist: User, site: Site, classified: ClassifiedCase, now: datetime
) -> None:
    rules = policy(site, novel_percent=100)
    classified(1)
    novel = classified(2, PredictionOutcome.OUT_OF_DISTRIBUTION)
    assert drawn(radiologist, rules, now) == (novel, ServedReason.NOVEL)

    ReadingPolicy.objects.update(double_read_percent=100, novel_percent=0, contradicted_percent=100)
    rules.refresh_from_db()
    agreed, contradicted = classified(3), classified(4)
    readings.sign_reading(case=agreed, by=second_radiologist, finding="covid-19", now=now)
    readings.sign_reading(case=contradicted, by=second_radiologist, finding="normal", now=now)
    assert drawn(radiologist, rules, now) == (contradicted, ServedReason.CONTRADICTED)


def test_without_a_candidate_for_the_reason_a_random_case_is_drawn_and_marked_random(
    radiologist: User, site: Site, classified: ClassifiedCase, now: datetime
) -> None:
    case = classified(1)
    assert drawn(radiologist, policy(site, novel_percent=100), now) == (case, ServedReason.RANDOM)


@pytest.mark.slow
def test_shares_are_kept_and_random_draws_cover_all_cases(
    radiologist: User, site: Site, classified: ClassifiedCase, now: datetime
) -> None:
    """Bounds of four standard deviations: 83 to 157 of 400 draws for 30 %, 20 to 90 for each of 5 cases."""
    rules = policy(site, uncertain_percent=30, novel_percent=20)
    for number in range(3):
        classified(number)
    classified(3, PredictionOutcome.INDETERMINATE, covid=0.4)
    classified(4, PredictionOutcome.OUT_OF_DISTRIBUTION)
    rng = Random(7)
    found = [active_learning.draw(queues.readable_cases(radiologist, now), rules, rng) for _ in range(400)]
    kinds = Counter(each[1] for each in found if each)
    assert 83 <= kinds[ServedReason.UNCERTAIN] <= 157
    assert 49 <= kinds[ServedReason.NOVEL] <= 111
    cases = Counter(each[0].pk for each in found if each and each[1] == ServedReason.RANDOM)
    assert len(cases) == 5
    assert all(15 <= count <= 70 for count in cases.values())


def test_stat_cases_are_not_served_from_the_active_learning_queue(
    radiologist: User, site: Site, classified: ClassifiedCase, now: datetime
) -> None:
    policy(site)
    classified(1, priority=Priority.STAT)
    assert claims.claim_next(by=radiologist, now=now, queue=Queue.ACTIVE_LEARNING) is None
    clinical = claims.claim_next(by=radiologist, now=now)
    assert clinical is not None
    assert clinical.served == ServedReason.DUE


def test_the_reason_is_stored_and_shown_only_after_the_reading(
    client: Client, radiologist: User, site: Site, classified: ClassifiedCase
) -> None:
    policy(site, novel_percent=100)
    for number in (1, 2):
        classified(number, PredictionOutcome.OUT_OF_DISTRIBUTION)
    client.force_login(radiologist)
    before = client.post(reverse("review:next"), {"queue": "active-learning"}, follow=True).content.decode()
    assert "distribution" not in before
    case = Claim.objects.get().case
    assert Claim.objects.get().served == ServedReason.NOVEL
    form = {"finding": "normal", "confidence": "sure", "note": "", "then": "stay"}
    after = client.post(reverse("review:sign", args=[case.pk]), form, follow=True).content.decode()
    assert "The radiograph is out of distribution" in after
    client.post(reverse("review:confirm", args=[case.pk]))
    assert Claim.objects.filter(ended_at=None).get().served == ServedReason.NOVEL  # goes on in the same queue


def test_a_selected_case_is_served_first_and_the_reader_is_told_after_the_reading(
    client: Client,
    radiologist: User,
    administrator: User,
    site: Site,
    classified: ClassifiedCase,
    now: datetime,
) -> None:
    policy(site, novel_percent=100)
    for number in (1, 2, 3):
        classified(number, PredictionOutcome.OUT_OF_DISTRIBUTION)
    chosen = classified(4)
    assert select_cases(cases=[chosen.pk], by=administrator, now=now) == [chosen.pk]
    client.force_login(radiologist)
    before = client.post(reverse("review:next"), {"queue": "active-learning"}, follow=True).content.decode()
    assert Claim.objects.get().case == chosen
    assert "elected" not in before
    form = {"finding": "normal", "confidence": "sure", "note": "", "then": "stay"}
    after = client.post(reverse("review:sign", args=[chosen.pk]), form, follow=True).content.decode()
    assert "Selected for the active-learning queue by an administrator." in after
    client.post(reverse("review:confirm", args=[chosen.pk]))
    assert Claim.objects.filter(ended_at=None).get().served == ServedReason.NOVEL  # none is selected now


def test_only_open_cases_of_the_own_sites_are_selected_and_only_by_administrators(
    radiologist: User,
    administrator: User,
    other_site: Site,
    classified: ClassifiedCase,
    now: datetime,
) -> None:
    unread, final, withdrawn = (classified(number) for number in (1, 2, 3))
    foreign = classified(4, at=other_site)
    Case.objects.filter(pk=final.pk).update(finalized_at=now)
    Case.objects.filter(pk=withdrawn.pk).update(withdrawn_at=now)
    every = [case.pk for case in (unread, final, withdrawn, foreign)]
    with pytest.raises(NotAllowed):
        select_cases(cases=every, by=radiologist, now=now)
    assert select_cases(cases=every, by=administrator, now=now) == [unread.pk]
    assert select_cases(cases=every, by=administrator, now=now) == []
    event = AuditEvent.objects.get(action=Action.CASE_SELECTED)
    assert (event.target_id, event.by) == (str(unread.pk), administrator)


def test_only_randomly_drawn_cases_count_for_model_performance(
    radiologist: User, site: Site, classified: ClassifiedCase, now: datetime
) -> None:
    """By hand: of four random cases two are COVID-19, one flagged; two are not, one flagged."""
    policy(site)
    plan = {1: (0.9, "covid-19"), 2: (0.2, "covid-19"), 3: (0.9, "normal"), 4: (0.1, "normal")}
    truth = {classified(number, covid=covid).pk: finding for number, (covid, finding) in plan.items()}
    while claim := claims.claim_next(by=radiologist, now=now, queue=Queue.ACTIVE_LEARNING):
        readings.sign_reading(case=claim.case, by=radiologist, finding=truth[claim.case_id], now=now)
    chosen = classified(5, covid=0.9)
    claims.claim(case=chosen, by=radiologist, now=now)
    readings.sign_reading(case=chosen, by=radiologist, finding="covid-19", now=now)
    kept_figures.recount_changed()
    found = model_performance(radiologist)
    assert (found.sensitivity.count, found.sensitivity.total) == (1, 2)
    assert (found.specificity.count, found.specificity.total) == (1, 2)
    assert found.sensitivity.too_few


@pytest.mark.parametrize("learns", [True, False])
def test_the_active_learning_button_is_shown_where_the_site_offers_the_queue(
    learns: bool, client: Client, radiologist: User, site: Site
) -> None:
    ReadingPolicy.objects.create(site=site, has_active_learning_queue=learns)
    client.force_login(radiologist)
    assert ("Read active-learning case" in client.get(reverse("cases:list")).content.decode()) is learns


def test_a_site_without_the_active_learning_queue_serves_nothing_from_it(
    reader: Client, radiologist: User, site: Site, classified: ClassifiedCase, now: datetime
) -> None:
    case = classified(1)
    body = {"queue": "active-learning"}
    assert claims.claim_next(by=radiologist, now=now, queue=Queue.ACTIVE_LEARNING) is None
    reader.post("/api/v1/worklist/next/", body, content_type="application/json")
    reader.post(reverse("review:next"), body)
    assert not Claim.objects.exists()

    policy(site)

    claim = claims.claim_next(by=radiologist, now=now, queue=Queue.ACTIVE_LEARNING)
    assert claim is not None
    assert claim.case == case


def test_active_learning_shares_above_100_percent_are_refused(client: Client, administrator: User) -> None:
    client.force_login(administrator)
    rules = {
        "double_read_percent": 0,
        "reference_percent": 0,
        "repeat_percent": 0,
        "stat_minutes": 30,
        "urgent_minutes": 60,
        "routine_minutes": 240,
    }
    shares = {"uncertain_percent": 60, "contradicted_percent": 30, "novel_percent": 20}
    response = client.post(reverse("review:policy"), rules | shares)
    assert response.status_code == 400
    assert "add up to more than 100 percent" in response.content.decode()
    assert not ReadingPolicy.objects.exists()
