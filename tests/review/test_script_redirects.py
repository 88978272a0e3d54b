"""Redirects as a header for the script of the reading page."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from tests.review.conftest import Admit

GO = {"X-Readroom-Navigate": "yes"}


NORMAL = {"finding": "normal", "confidence": "sure"}


def test_a_script_gets_the_next_address_in_a_header_and_a_browser_is_redirected(
    admit: Admit, reader: Client
) -> None:
    first, second, third = admit(1), admit(2), admit(3)
    reader.post(reverse("review:next"))
    told = reader.post(reverse("review:sign", args=[first.pk]), NORMAL, headers=GO)
    assert (told.status_code, told["X-Readroom-Location"]) == (204, reverse("review:case", args=[second.pk]))
    sent = reader.post(reverse("review:sign", args=[second.pk]), NORMAL)
    assert (sent.status_code, sent["Location"]) == (302, reverse("review:case", args=[third.pk]))


def test_form_errors_are_returned_to_a_script_too(admit: Admit, reader: Client) -> None:
    case = admit(1)
    response = reader.post(reverse("review:sign", args=[case.pk]), {"finding": ""}, headers=GO)
    assert response.status_code == 400
    assert b"data-reading" in response.content


def test_a_message_stays_queued_for_the_next_page(admit: Admit, reader: Client) -> None:
    case = admit(1)
    told = reader.post(reverse("review:sign", args=[case.pk]), NORMAL, headers=GO)
    assert told["X-Readroom-Location"] == reverse("cases:list")
    assert "All cases are read." in reader.get(reverse("cases:list")).content.decode()
