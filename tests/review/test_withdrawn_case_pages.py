"""A withdrawn case: a clear line on its pages, and no way to read it or to change its readings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.errors import CaseWithdrawn
from diagnostics.cases.models import Case
from diagnostics.review.models import Claim, Reading
from diagnostics.review.services import assisted_reading, claims, readings, second_opinion
from tests.review.conftest import Admit, Classify
from tests.review.pages import page_of, sign

LINE = "Withdrawn on 2026-03-02 09:30: this case is neither read nor used for training."


def withdraw(case: Case, now: datetime) -> Case:
    Case.objects.filter(pk=case.pk).update(withdrawn_at=now)
    return case


def test_its_reading_page_says_so_and_offers_no_reading(
    reader: Client, radiologist: User, admit: Admit, now: datetime
) -> None:
    case = withdraw(admit(1), now)
    html = reader.get(page_of(case)).content.decode()
    assert LINE in html
    assert "Read next case" in html
    for action in ("claim", "sign"):
        assert reverse(f"review:{action}", args=[case.pk]) not in html
    assert sign(reader, case).status_code == 409
    refused = reader.post(reverse("review:claim", args=[case.pk]), follow=True).content.decode()
    assert "This case was withdrawn. An administrator can reinstate it." in refused
    assert not Claim.objects.exists()
    assert not Reading.objects.exists()


def test_its_signed_page_offers_neither_a_change_nor_a_second_opinion(
    reader: Client, admit: Admit, classify: Classify, now: datetime
) -> None:
    case = admit(1)
    classify(case)
    sign(reader, case, then="stay")
    withdraw(case, now)
    html = reader.get(page_of(case)).content.decode()
    assert LINE in html
    assert "Your reading:" in html
    for action in ("amend", "confirm", "second-opinion"):
        assert reverse(f"review:{action}", args=[case.pk]) not in html


def test_its_case_page_says_so_and_offers_neither_a_reading_nor_a_prediction(
    client: Client, technician: User, radiologist: User, admit: Admit, now: datetime
) -> None:
    case = withdraw(admit(1), now)
    for user in (technician, radiologist):
        client.force_login(user)
        html = client.get(reverse("cases:case", args=[case.pk])).content.decode()
        assert LINE in html
        assert reverse("review:case", args=[case.pk]) not in html
        assert reverse("cases:retry", args=[case.pk]) not in html


Act = Callable[[Reading, User, datetime], object]
AMENDED: Any = {"finding": "other", "confidence": "sure", "note": "", "reason": "A clip."}


@pytest.mark.parametrize(
    "act",
    [
        lambda reading, by, now: readings.amend_reading(reading=reading, by=by, now=now, **AMENDED),
        lambda reading, by, now: second_opinion.request_second_opinion(case=reading.case, by=by, now=now),
        lambda reading, by, now: assisted_reading.confirm_reading(case=reading.case, by=by, now=now),
    ],
    ids=["amend", "second opinion", "confirm"],
)
def test_its_readings_stay_as_they_are(act: Act, radiologist: User, admit: Admit, now: datetime) -> None:
    case = admit(1)
    reading = readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    withdraw(case, now)  # `reading.case` still says that it is open
    with pytest.raises(CaseWithdrawn):
        act(reading, radiologist, now)
    assert Reading.objects.get() == reading


def test_it_is_not_claimed_or_signed_by_a_page_opened_before(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claims.claim(case=case, by=radiologist, now=now)
    withdraw(Case.objects.get(pk=case.pk), now)
    with pytest.raises(CaseWithdrawn):  # `case` still says that it is open
        readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
