"""Triage by AI score: the serving order, and the due time that caps it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.review.models import Claim, ReadingPolicy, ServedReason
from diagnostics.review.services import claims, readings
from diagnostics.review.services.serving import cases_to_prefetch
from tests.review.conftest import Admit, Classify


@pytest.fixture
def triage_by_score(site: Site) -> ReadingPolicy:
    return ReadingPolicy.objects.create(site=site, triage_by_score=True)


def _score(case: Case, triage_score: float, *, due_in: timedelta, now: datetime) -> Case:
    Case.objects.filter(pk=case.pk).update(triage_score=triage_score, due_at=now + due_in)
    return case


def _served(reader: User, now: datetime) -> list[tuple[Case, str]]:
    served = []
    claim = claims.claim_next(by=reader, now=now)
    while claim:
        served.append((claim.case, claim.served))
        claim = readings.sign_and_claim_next(
            case=claim.case, by=reader, finding="normal", confidence="sure", note="", now=now
        )
    return served


@pytest.fixture
def radiographs(admit: Admit, now: datetime) -> dict[str, Case]:
    hour = timedelta(hours=1)
    wanted = {
        "low": (0.1, 1 * hour, "routine"),
        "high": (0.9, 3 * hour, "routine"),
        "no clear result": (1.0, 2 * hour, "routine"),
        "urgent, low": (0.05, hour / 2, "urgent"),
        "urgent, high": (0.6, hour / 3, "urgent"),
        "overdue": (0.01, -hour, "routine"),
        "due now": (0.02, 0 * hour, "routine"),
        "stat": (0.03, 5 * hour, "stat"),
    }
    return {
        name: _score(admit(n, priority=priority), triage_score, due_in=due_in, now=now)
        for n, (name, (triage_score, due_in, priority)) in enumerate(wanted.items())
    }


def test_cases_are_served_stat_then_overdue_then_by_priority_and_score(
    triage_by_score: ReadingPolicy, radiographs: dict[str, Case], radiologist: User, now: datetime
) -> None:
    names = {case: name for name, case in radiographs.items()}
    served = [(names[case], why) for case, why in _served(radiologist, now)]
    assert served == [
        ("stat", ServedReason.DUE),
        ("overdue", ServedReason.DUE),
        ("due now", ServedReason.DUE),
        ("urgent, high", ServedReason.TRIAGE_SCORE),
        ("urgent, low", ServedReason.TRIAGE_SCORE),
        ("no clear result", ServedReason.TRIAGE_SCORE),
        ("high", ServedReason.TRIAGE_SCORE),
        ("low", ServedReason.TRIAGE_SCORE),
    ]


def test_without_triage_cases_are_served_by_due_time(
    radiographs: dict[str, Case], radiologist: User, now: datetime
) -> None:
    served = _served(radiologist, now)
    by_deadline = sorted(radiographs.values(), key=lambda case: Case.objects.get(pk=case.pk).due_at)
    stat = radiographs["stat"]
    assert [case for case, _why in served] == [stat, *(case for case in by_deadline if case != stat)]
    assert {why for _case, why in served} == {ServedReason.DUE}


def test_triage_applies_to_prefetching(
    triage_by_score: ReadingPolicy, radiographs: dict[str, Case], radiologist: User, now: datetime
) -> None:
    claim = claims.claim_next(by=radiologist, now=now)
    assert claim is not None
    assert cases_to_prefetch(claim.case, radiologist, now) == [radiographs["overdue"], radiographs["due now"]]


def test_the_table_keeps_its_order_and_the_reason_is_shown_after_the_reading(
    client: Client,
    triage_by_score: ReadingPolicy,
    admit: Admit,
    classify: Classify,
    radiologist: User,
    now: datetime,
) -> None:
    soon, high = admit(1), admit(2)
    _score(soon, 0.1, due_in=timedelta(hours=1), now=now)
    _score(high, 0.9, due_in=timedelta(hours=2), now=now)
    classify(high)
    client.force_login(radiologist)
    table = client.get(reverse("cases:list")).content.decode()
    assert table.index(str(soon.pk)) < table.index(str(high.pk))
    claim = claims.claim_next(by=radiologist, now=now)
    assert claim is not None
    assert claim.case == high
    address = reverse("review:case", args=[high.pk])
    assert "triage score" not in client.get(address).content.decode()
    readings.sign_reading(case=high, by=radiologist, finding="normal", now=now)
    assert "Next by AI triage score" in client.get(address).content.decode()


@pytest.mark.slow
def test_a_low_score_never_delays_an_overdue_case(
    triage_by_score: ReadingPolicy, radiographs: dict[str, Case], radiologist: User, now: datetime
) -> None:
    later = now + timedelta(days=1)
    assert len(_served(radiologist, later)) == len(radiographs)
    assert set(Claim.objects.values_list("served", flat=True)) == {ServedReason.DUE}


def test_the_reading_policy_offers_triage_by_score(client: Client, administrator: User, site: Site) -> None:
    client.force_login(administrator)
    html = re.sub(r"\s+", " ", client.get(reverse("review:policy")).content.decode())
    assert "Triage by AI score" in html
