"""Prefetching: the cases served next are named without being claimed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.review.models import Claim
from diagnostics.review.services import claims, readings
from diagnostics.review.services.serving import cases_to_prefetch
from tests.conftest import create_user
from tests.review.conftest import Admit


def test_the_prefetched_cases_are_the_next_two_served(admit: Admit, radiologist: User, now: datetime) -> None:
    cases = [admit(number) for number in range(1, 5)]
    first = claims.claim_next(by=radiologist, now=now)
    assert first is not None
    ahead = cases_to_prefetch(first.case, radiologist, now)
    served = []
    for _case in range(2):
        held = claims.claim_next(by=radiologist, now=now)
        assert held is not None
        taken = readings.sign_and_claim_next(
            case=held.case, by=radiologist, finding="normal", confidence="sure", note="", now=now
        )
        assert taken is not None
        served.append(taken.case)
    assert ahead == served
    assert len(cases) == 4


def test_prefetching_claims_nothing(admit: Admit, radiologist: User, now: datetime) -> None:
    case, _next = admit(1), admit(2)
    cases_to_prefetch(case, radiologist, now)
    assert Claim.objects.count() == 0


def test_cases_of_other_readers_or_sites_are_not_prefetched(
    admit: Admit, site: Site, radiologist: User, stranger: User, now: datetime
) -> None:
    case, held = admit(1), admit(2)
    colleague = create_user("colleague", Role.RADIOLOGIST, site)
    claims.claim(case=held, by=colleague, now=now)
    assert cases_to_prefetch(case, radiologist, now) == []
    assert cases_to_prefetch(case, radiologist, now + timedelta(hours=1)) == [held]
    assert cases_to_prefetch(case, stranger, now) == []


def test_the_response_holds_image_addresses_and_nothing_else(
    admit: Admit, client: Client, radiologist: User
) -> None:
    case, after = admit(1), admit(2)
    client.force_login(radiologist)
    response = client.get(reverse("review:prefetch", args=[case.pk]))
    assert json.loads(response.content) == {
        "radiographs": [{"pixels": reverse("cases:pixels", args=[after.pk])}]
    }
    assert "no-store" in response["Cache-Control"]
