"""Profile, password and API token."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from rest_framework.authtoken.models import Token

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


@pytest.mark.parametrize("url", ["/accounts/token/", "/accounts/token/revoke/"])
def test_token_changes_require_a_login_and_post(client: Client, technician: User, url: str):
    assert client.post(url)["Location"] == f"/accounts/login/?next={url}"
    client.force_login(technician)
    assert client.get(url).status_code == 405
    assert not Token.objects.exists()


def test_the_profile_shows_role_sites_and_token(client: Client, technician: User):
    client.force_login(technician)

    page = client.get("/accounts/profile/").text

    assert "Technician" in page
    assert "North" in page
    assert "You have no token." in page


def test_a_new_token_is_shown_once_and_not_cached(client: Client, technician: User):
    client.force_login(technician)

    response = client.post("/accounts/token/")

    key = Token.objects.get(user=technician).key
    assert key in response.text
    assert "no-store" in response["Cache-Control"]
    later = client.get("/accounts/profile/").text
    assert key not in later
    assert "It cannot be shown again" in later
    assert AuditEvent.objects.get(action=Action.TOKEN_CREATED).by == technician


def test_a_token_gives_access_to_the_api_until_it_is_revoked(client: Client, technician: User):
    client.force_login(technician)
    key = re.search(r'id="token">(\w+)<', client.post("/accounts/token/").text)[1]  # type: ignore[index]
    script = Client(headers={"Authorization": f"Token {key}"})

    assert script.get("/api/v1/cases/").status_code == 200
    client.post("/accounts/token/revoke/")
    assert script.get("/api/v1/cases/").status_code == 401
    assert AuditEvent.objects.get(action=Action.TOKEN_REVOKED).by == technician


def test_a_second_token_replaces_the_first(client: Client, technician: User):
    client.force_login(technician)
    client.post("/accounts/token/")
    first = Token.objects.get().key
    client.post("/accounts/token/")

    assert Token.objects.get().key != first


def test_revoking_without_a_token_is_not_recorded(client: Client, technician: User):
    client.force_login(technician)

    assert client.post("/accounts/token/revoke/")["Location"] == "/accounts/profile/"
    assert not AuditEvent.objects.filter(action=Action.TOKEN_REVOKED).exists()


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
