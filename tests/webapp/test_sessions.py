"""Session limits: the idle timeout and the maximum age."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User

PAGE = "/accounts/profile/"


@pytest.fixture
def active_client(client: Client, technician: User) -> Client:
    """Return a client whose session has been used once."""
    client.force_login(technician)
    assert client.get(PAGE).status_code == 200
    return client


def age_session(client: Client, **minutes: int) -> None:
    """Move `seen_at` or `began_at` of the session back by a number of minutes."""
    session: Any = client.session
    for name, count in minutes.items():
        session[name] -= count * 60
    session.save()


def test_a_session_in_use_continues(active_client: Client) -> None:
    age_session(active_client, seen_at=25, began_at=11 * 60)

    assert active_client.get(PAGE).status_code == 200
    assert active_client.session["seen_at"] == pytest.approx(time.time(), abs=30)


def test_an_idle_session_ends(active_client: Client) -> None:
    age_session(active_client, seen_at=31)

    assert active_client.get(PAGE).status_code == 302
    assert "_auth_user_id" not in active_client.session


def test_a_session_in_use_ends_after_twelve_hours(active_client: Client) -> None:
    age_session(active_client, began_at=12 * 60 + 1)

    assert active_client.get(PAGE).status_code == 302


def test_polling_does_not_extend_a_session(active_client: Client) -> None:
    age_session(active_client, seen_at=20)
    before = active_client.session["seen_at"]

    active_client.get(PAGE, headers={"HX-Request": "true"})

    assert active_client.session["seen_at"] == before


def test_a_repeated_search_does_not_extend_a_session(active_client: Client) -> None:
    """The list posts a search also when it refreshes itself; one that the user types extends the session."""
    age_session(active_client, seen_at=20)
    before = active_client.session["seen_at"]
    by_page = {"HX-Request": "true", "X-Readroom-Polling": "yes"}

    active_client.post(reverse("cases:rows"), {"text": "meier"}, headers=by_page)
    assert active_client.session["seen_at"] == before

    active_client.post(reverse("cases:rows"), {"text": "meier"})
    assert active_client.session["seen_at"] > before


def test_an_anonymous_user_gets_no_session(client: Client, db: None) -> None:
    client.get("/accounts/login/")

    assert "sessionid" not in client.cookies


def test_a_site_shortens_the_idle_timeout_at_once(active_client: Client, site: Site) -> None:
    Site.objects.update(idle_minutes=10)
    age_session(active_client, seen_at=9)
    assert active_client.get(PAGE).status_code == 200

    age_session(active_client, seen_at=11)

    assert active_client.get(PAGE).status_code == 302
