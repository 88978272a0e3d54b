"""A session ends when nobody is at the desk, and after a working day in any case."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from diagnostics.accounts.models import User

PAGE = "/accounts/profile/"


@pytest.fixture
def at_desk(client: Client, technician: User) -> Client:
    """Give a browser whose session has been used once."""
    client.force_login(technician)
    assert client.get(PAGE).status_code == 200
    return client


def turn_back(client: Client, **minutes: int) -> None:
    """Make the session older: `seen_at` or `began_at` by so many minutes."""
    session: Any = client.session
    for name, count in minutes.items():
        session[name] -= count * 60
    session.save()


def test_a_session_in_use_lasts(at_desk: Client) -> None:
    turn_back(at_desk, seen_at=25, began_at=11 * 60)

    assert at_desk.get(PAGE).status_code == 200
    assert at_desk.session["seen_at"] == pytest.approx(time.time(), abs=30)


def test_an_idle_session_ends(at_desk: Client) -> None:
    turn_back(at_desk, seen_at=31)

    assert at_desk.get(PAGE).status_code == 302
    assert "_auth_user_id" not in at_desk.session


def test_a_session_ends_after_a_working_day_although_it_is_in_use(at_desk: Client) -> None:
    turn_back(at_desk, began_at=12 * 60 + 1)

    assert at_desk.get(PAGE).status_code == 302


def test_a_page_that_refreshes_itself_does_not_keep_a_session_alive(at_desk: Client) -> None:
    turn_back(at_desk, seen_at=20)
    before = at_desk.session["seen_at"]

    at_desk.get(PAGE, headers={"HX-Request": "true"})

    assert at_desk.session["seen_at"] == before


def test_a_stranger_gets_no_session(client: Client, db: None) -> None:
    client.get("/accounts/login/")

    assert "sessionid" not in client.cookies
