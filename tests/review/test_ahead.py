"""The radiographs that come next are named without being claimed, and nothing of the machine is."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.review.models import Claim
from diagnostics.review.services import claiming, readings
from diagnostics.review.services.prefetch import next_cases
from tests.conftest import employ
from tests.review.conftest import Admit


def test_the_next_two_are_those_that_would_be_served(admit: Admit, radiologist: User, now: datetime) -> None:
    cases = [admit(number) for number in range(1, 5)]
    first = claiming.claim_next(by=radiologist, now=now)
    assert first is not None
    ahead = next_cases(first.case, radiologist, now)
    served = []
    for _case in range(2):
        held = claiming.claim_next(by=radiologist, now=now)
        assert held is not None
        taken = readings.sign_and_claim_next(
            case=held.case, by=radiologist, finding="normal", confidence="sure", note="", now=now
        )
        assert taken is not None
        served.append(taken.case)
    assert ahead == served
    assert len(cases) == 4


def test_looking_ahead_claims_nothing(admit: Admit, radiologist: User, now: datetime) -> None:
    case, _next = admit(1), admit(2)
    next_cases(case, radiologist, now)
    assert Claim.objects.count() == 0


def test_what_another_holds_or_another_site_has_is_not_ahead(
    admit: Admit, site: Site, radiologist: User, stranger: User, now: datetime
) -> None:
    case, held = admit(1), admit(2)
    colleague = employ("colleague", Role.RADIOLOGIST, site)
    claiming.claim(case=held, by=colleague, now=now)
    assert next_cases(case, radiologist, now) == []
    assert next_cases(case, radiologist, now + timedelta(hours=1)) == [held]
    assert next_cases(case, stranger, now) == []


def test_the_answer_holds_addresses_of_radiographs_and_nothing_else(
    admit: Admit, client: Client, radiologist: User
) -> None:
    case, after = admit(1), admit(2)
    client.force_login(radiologist)
    answer = client.get(reverse("review:ahead", args=[case.pk]))
    assert json.loads(answer.content) == {
        "radiographs": [{"pixels": reverse("cases:pixels", args=[after.pk])}]
    }
    assert "no-store" in answer["Cache-Control"]
