"""The sessions of the own account: their list, and the end of all but the current one."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from django.test import Client

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from tests.conftest import PASSWORD

PROFILE, END = "/accounts/profile/", "/accounts/sessions/end/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36"


def logged_in(user: User, agent: str) -> Client:
    client = Client(headers={"User-Agent": agent})
    client.post("/accounts/login/", {"username": user.username, "password": PASSWORD})
    assert client.get(PROFILE).status_code == 200
    return client


def test_the_profile_lists_the_sessions_of_the_user_alone(technician: User, radiologist: User) -> None:
    here = logged_in(technician, FIREFOX)
    logged_in(technician, CHROME)
    logged_in(radiologist, "curl/8")

    rows = here.get(PROFILE).context["sessions"]

    assert {(row.browser, row.is_current) for row in rows} == {
        ("Firefox on Linux", True),
        ("Chrome on Windows", False),
    }


def test_all_other_sessions_end_and_the_own_one_and_those_of_others_stay(
    technician: User, radiologist: User
) -> None:
    here, there = logged_in(technician, FIREFOX), logged_in(technician, CHROME)
    colleague = logged_in(radiologist, CHROME)

    page = here.post(END, follow=True).text

    assert "1 other session was ended." in page
    assert "End all other sessions" not in page
    assert there.get(PROFILE).status_code == 302
    assert colleague.get(PROFILE).status_code == here.get(PROFILE).status_code == 200
    event = AuditEvent.objects.get(action=Action.SESSIONS_ENDED)
    assert (event.by, event.detail) == (technician, {"sessions": 1})


def test_a_session_that_a_new_password_has_ended_is_not_listed(technician: User) -> None:
    here = logged_in(technician, FIREFOX)
    logged_in(technician, CHROME)
    new = "an even longer pass phrase"

    here.post("/accounts/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})

    assert [row.is_current for row in here.get(PROFILE).context["sessions"]] == [True]
    assert Session.objects.count() >= 2  # its row is still stored
