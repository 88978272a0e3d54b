"""A site may have films that are not due yet come by the machine's suspicion; the deadline caps the wait."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.review import services
from diagnostics.review.ahead import coming
from diagnostics.review.models import Claim, Policy, Served
from tests.review.conftest import Admit, Classify


@pytest.fixture
def by_suspicion(site: Site) -> Policy:
    return Policy.objects.create(site=site, by_suspicion=True)


def _suspect(case: Case, suspicion: float, *, due_in: timedelta, now: datetime) -> Case:
    Case.objects.filter(pk=case.pk).update(suspicion=suspicion, due_at=now + due_in)
    return case


def _served(reader: User, now: datetime) -> list[tuple[Case, str]]:
    served = []
    claim = services.claim_next(by=reader, now=now)
    while claim:
        served.append((claim.case, claim.served))
        claim = services.sign_and_claim_next(
            case=claim.case, by=reader, finding="normal", confidence="sure", note="", now=now
        )
    return served


@pytest.fixture
def films(admit: Admit, now: datetime) -> dict[str, Case]:
    hour = timedelta(hours=1)
    wanted = {
        "low": (0.1, 1 * hour, "routine"),
        "high": (0.9, 3 * hour, "routine"),
        "cannot tell": (1.0, 2 * hour, "routine"),
        "urgent, low": (0.05, hour / 2, "urgent"),
        "urgent, high": (0.6, hour / 3, "urgent"),
        "overdue": (0.01, -hour, "routine"),
        "due now": (0.02, 0 * hour, "routine"),
        "stat": (0.03, 5 * hour, "stat"),
    }
    return {
        name: _suspect(admit(n, priority=priority), suspicion, due_in=due_in, now=now)
        for n, (name, (suspicion, due_in, priority)) in enumerate(wanted.items())
    }


def test_stat_then_overdue_then_urgent_and_suspected(
    by_suspicion: Policy, films: dict[str, Case], radiologist: User, now: datetime
) -> None:
    names = {case: name for name, case in films.items()}
    served = [(names[case], why) for case, why in _served(radiologist, now)]
    assert served == [
        ("stat", Served.DUE),
        ("overdue", Served.DUE),
        ("due now", Served.DUE),
        ("urgent, high", Served.SUSPECTED),
        ("urgent, low", Served.SUSPECTED),
        ("cannot tell", Served.SUSPECTED),
        ("high", Served.SUSPECTED),
        ("low", Served.SUSPECTED),
    ]


def test_a_site_that_never_asked_for_it_reads_by_deadline(
    films: dict[str, Case], radiologist: User, now: datetime
) -> None:
    served = _served(radiologist, now)
    by_deadline = sorted(films.values(), key=lambda case: Case.objects.get(pk=case.pk).due_at)
    stat = films["stat"]
    assert [case for case, _why in served] == [stat, *(case for case in by_deadline if case != stat)]
    assert {why for _case, why in served} == {Served.DUE}


def test_what_travels_ahead_is_what_is_served(
    by_suspicion: Policy, films: dict[str, Case], radiologist: User, now: datetime
) -> None:
    claim = services.claim_next(by=radiologist, now=now)
    assert claim is not None
    assert coming(claim.case, radiologist, now) == [films["overdue"], films["due now"]]


def test_the_worklist_keeps_its_order_and_why_is_told_after_the_reading(
    client: Client,
    by_suspicion: Policy,
    admit: Admit,
    classify: Classify,
    radiologist: User,
    now: datetime,
) -> None:
    soon, high = admit(1), admit(2)
    _suspect(soon, 0.1, due_in=timedelta(hours=1), now=now)
    _suspect(high, 0.9, due_in=timedelta(hours=2), now=now)
    classify(high)
    client.force_login(radiologist)
    table = client.get(reverse("review:worklist")).content.decode()
    assert table.index(str(soon.pk)) < table.index(str(high.pk))
    claim = services.claim_next(by=radiologist, now=now)
    assert claim is not None
    assert claim.case == high
    address = reverse("review:case", args=[high.pk])
    assert "suspects" not in client.get(address).content.decode()
    services.sign_reading(case=high, by=radiologist, finding="normal", now=now)
    assert "The machine suspects COVID-19" in client.get(address).content.decode()


def test_no_film_waits_past_its_deadline_for_being_suspected_less(
    by_suspicion: Policy, films: dict[str, Case], radiologist: User, now: datetime
) -> None:
    later = now + timedelta(days=1)
    assert len(_served(radiologist, later)) == len(films)
    assert set(Claim.objects.values_list("served", flat=True)) == {Served.DUE}


def test_the_page_offers_the_order(client: Client, administrator: User, site: Site) -> None:
    client.force_login(administrator)
    html = re.sub(r"\s+", " ", client.get(reverse("review:readers")).content.decode())
    assert "by the machine&#x27;s suspicion of COVID-19" in html
