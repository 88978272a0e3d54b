"""Limits of request bodies, client addresses behind proxies, and session security."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from diagnostics.accounts import login_throttle
from diagnostics.accounts.models import User
from tests.conftest import PASSWORD

LOGIN = "/accounts/login/"
PROFILE = "/accounts/profile/"
GIGABYTES = 3 * 2**30


class Unread(io.BytesIO):
    """A body that must not be read."""

    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError("the body must not be read")


def send_form(client: Client, address: str, length: int) -> Any:
    body: dict[str, Any] = {
        "wsgi.input": Unread(),
        "CONTENT_LENGTH": str(length),
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
    }
    return client.generic("POST", address, **body)


@pytest.mark.parametrize("address", [LOGIN, "/cases/upload/", "/review/next/"])
def test_a_large_form_of_an_anonymous_user_is_refused_unread(address: str, db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "x" * 32  # with this cookie, Django looks for the token inside the form

    assert send_form(client, address, 6 * 2**20).status_code == 400


def test_a_form_of_staff_is_limited_to_two_gigabytes(technician: User, radiologist: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(technician)
    client.cookies["csrftoken"] = "x" * 32

    assert send_form(client, "/cases/upload/", GIGABYTES).status_code == 400
    with pytest.raises(AssertionError, match="must not be read"):
        send_form(client, "/cases/upload/", 60 * 2**20)


def test_ten_wrong_passwords_behind_a_proxy_lock_one_address_only(
    client: Client, radiologist: User, settings: Settings
) -> None:
    settings.PROXIES = 1
    for number in range(login_throttle.PER_ADDRESS.failures):
        _try(client, f"guess-{number}", "wrong", "203.0.113.9, 198.51.100.1")

    assert _try(client, "radiologist", PASSWORD, "198.51.100.1") == 429
    assert _try(client, "radiologist", PASSWORD, "198.51.100.2") == 302


def test_without_a_proxy_the_forwarded_address_is_ignored(client: Client, radiologist: User) -> None:
    for number in range(login_throttle.PER_ADDRESS.failures):
        _try(client, f"guess-{number}", "wrong", f"198.51.100.{number}")

    assert _try(client, "radiologist", PASSWORD, "198.51.100.99") == 429


@pytest.mark.parametrize("header", ["", "unknown", "198.51.100.1, <script>", ","])
def test_an_invalid_forwarded_address_is_ignored(
    header: str, client: Client, radiologist: User, settings: Settings
) -> None:
    settings.PROXIES = 1

    assert _try(client, "radiologist", PASSWORD, header) == 302


def test_a_login_replaces_a_session_id_chosen_by_an_attacker(radiologist: User) -> None:
    victim = Client()
    victim.cookies["sessionid"] = "chosen-by-an-attacker-0000000"
    victim.post(LOGIN, {"username": "radiologist", "password": PASSWORD})
    attacker = Client()
    attacker.cookies["sessionid"] = "chosen-by-an-attacker-0000000"

    assert victim.get(PROFILE).status_code == 200
    assert victim.cookies["sessionid"].value != "chosen-by-an-attacker-0000000"
    assert attacker.get(PROFILE).status_code == 302


def test_a_logout_ends_a_copied_session(radiologist: User) -> None:
    client, attacker = Client(), Client()
    client.post(LOGIN, {"username": "radiologist", "password": PASSWORD})
    attacker.cookies["sessionid"] = client.cookies["sessionid"].value
    assert attacker.get(PROFILE).status_code == 200

    client.post("/accounts/logout/")

    assert attacker.get(PROFILE).status_code == 302


def test_a_deactivated_user_is_logged_out_at_once(client: Client, radiologist: User) -> None:
    client.force_login(radiologist)
    User.objects.update(is_active=False)

    assert client.get(PROFILE).status_code == 302


def test_the_session_cookie_is_http_only_and_same_site(client: Client, radiologist: User) -> None:
    client.post(LOGIN, {"username": "radiologist", "password": PASSWORD})

    cookie = client.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def _try(client: Client, username: str, password: str, forwarded: str) -> int:
    form = {"username": username, "password": password}
    return client.post(LOGIN, form, headers={"X-Forwarded-For": forwarded}).status_code
