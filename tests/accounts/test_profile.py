"""Profile and password."""

from __future__ import annotations

import pytest
from django.test import Client

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from tests.conftest import PASSWORD

NEW = "an even longer pass phrase"
PAGES = ["/accounts/profile/", "/accounts/password/"]


@pytest.mark.parametrize("page", PAGES)
def test_the_account_pages_require_a_login(client: Client, technician: User, page: str):
    assert client.get(page)["Location"] == f"/accounts/login/?next={page}"
    client.force_login(technician)
    assert client.get(page).status_code == 200


def test_the_profile_shows_role_sites_and_token(client: Client, technician: User):
    client.force_login(technician)

    page = client.get("/accounts/profile/").text

    assert "Technician" in page
    assert "North" in page
    assert "You have no token." in page


def change(client: Client, old: str, new: str):
    return client.post(
        "/accounts/password/", {"old_password": old, "new_password1": new, "new_password2": new}
    )


def test_a_password_change_ends_all_other_sessions(client: Client, technician: User):
    other = Client()
    client.force_login(technician)
    other.force_login(technician)

    assert change(client, PASSWORD, NEW)["Location"] == "/accounts/profile/"

    assert client.get("/accounts/profile/").status_code == 200
    assert other.get("/accounts/profile/").status_code == 302
    technician.refresh_from_db()
    assert technician.check_password(NEW)
    assert AuditEvent.objects.get(action=Action.PASSWORD_CHANGED).by == technician


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("not the old one", NEW, "Your old password was entered incorrectly"),
        (PASSWORD, "too short", "at least 12 characters"),
    ],
)
def test_an_invalid_password_change_is_refused_with_the_reason(
    client: Client, technician: User, old: str, new: str, why: str
):
    client.force_login(technician)

    assert why in change(client, old, new).text
    technician.refresh_from_db()
    assert technician.check_password(PASSWORD)


def test_tries_of_the_current_password_are_limited(client: Client, technician: User):
    client.force_login(technician)
    for _ in range(5):
        assert change(client, "a guess", NEW).status_code == 200

    response = change(client, PASSWORD, NEW)

    assert response.status_code == 429
    technician.refresh_from_db()
    assert technician.check_password(PASSWORD)


def test_a_weak_new_password_does_not_count_as_a_wrong_current_password(client: Client, technician: User):
    client.force_login(technician)
    for _ in range(6):
        change(client, PASSWORD, "too short")

    assert change(client, PASSWORD, NEW).status_code == 302
