"""A script that draws the next page itself is told where it is; a browser is sent there as ever."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from tests.review.conftest import Admit

GO = {"X-Readroom-Go": "yes"}
NORMAL = {"finding": "normal", "confidence": "sure"}


@pytest.fixture
def reader(client: Client, radiologist: User) -> Client:
    client.force_login(radiologist)
    return client


def test_a_script_is_told_the_next_case_and_a_browser_is_sent_there(admit: Admit, reader: Client) -> None:
    first, second, third = admit(1), admit(2), admit(3)
    reader.post(reverse("review:next"))
    told = reader.post(reverse("review:sign", args=[first.pk]), NORMAL, headers=GO)
    assert (told.status_code, told["X-Readroom-To"]) == (204, reverse("review:case", args=[second.pk]))
    sent = reader.post(reverse("review:sign", args=[second.pk]), NORMAL)
    assert (sent.status_code, sent["Location"]) == (302, reverse("review:case", args=[third.pk]))


def test_what_is_wrong_with_an_answer_is_shown_to_a_script_too(admit: Admit, reader: Client) -> None:
    case = admit(1)
    answer = reader.post(reverse("review:sign", args=[case.pk]), {"finding": ""}, headers=GO)
    assert answer.status_code == 400
    assert b"data-reading" in answer.content


def test_the_last_word_waits_for_the_page_that_shows_it(admit: Admit, reader: Client) -> None:
    case = admit(1)
    told = reader.post(reverse("review:sign", args=[case.pk]), NORMAL, headers=GO)
    assert told["X-Readroom-To"] == reverse("review:worklist")
    assert "All read. Nothing is waiting for you." in reader.get(reverse("review:worklist")).content.decode()
