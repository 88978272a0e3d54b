"""How much is read of whom, who it came from, and whose session it is."""

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
    """A body that nobody may read."""

    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError("nobody may read this")


def send_much(client: Client, address: str, length: int) -> Any:
    body: dict[str, Any] = {
        "wsgi.input": Unread(),
        "CONTENT_LENGTH": str(length),
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
    }
    return client.generic("POST", address, **body)


@pytest.mark.parametrize("address", [LOGIN, "/cases/upload/", "/review/next/"])
def test_a_stranger_cannot_fill_the_disk_with_a_form(address: str, db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "x" * 32  # with one, Django looks for its twin inside the form

    assert send_much(client, address, 6 * 2**20).status_code == 400


def test_staff_send_radiographs_but_not_gigabytes(technician: User, radiologist: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(technician)
    client.cookies["csrftoken"] = "x" * 32

    assert send_much(client, "/cases/upload/", GIGABYTES).status_code == 400
    with pytest.raises(AssertionError, match="nobody may read"):
        send_much(client, "/cases/upload/", 60 * 2**20)


def test_ten_wrong_passwords_behind_a_proxy_close_one_desk_and_no_other(
    client: Client, radiologist: User, settings: Settings
) -> None:
    settings.PROXIES = 1
    for number in range(login_throttle.PER_ADDRESS.failures):
        _try(client, f"guess-{number}", "wrong", "203.0.113.9, 198.51.100.1")

    assert _try(client, "radiologist", PASSWORD, "198.51.100.1") == 429
    assert _try(client, "radiologist", PASSWORD, "198.51.100.2") == 302


def test_without_a_proxy_nobody_chooses_an_address(client: Client, radiologist: User) -> None:
    for number in range(login_throttle.PER_ADDRESS.failures):
        _try(client, f"guess-{number}", "wrong", f"198.51.100.{number}")

    assert _try(client, "radiologist", PASSWORD, "198.51.100.99") == 429


@pytest.mark.parametrize("header", ["", "unknown", "198.51.100.1, <script>", ","])
def test_what_is_no_address_changes_nothing(
    header: str, client: Client, radiologist: User, settings: Settings
) -> None:
    settings.PROXIES = 1

    assert _try(client, "radiologist", PASSWORD, header) == 302


def test_a_session_planted_before_the_login_is_worth_nothing_after_it(radiologist: User) -> None:
    planted = Client()
    planted.cookies["sessionid"] = "chosen-by-somebody-else-0000000"
    planted.post(LOGIN, {"username": "radiologist", "password": PASSWORD})
    other = Client()
    other.cookies["sessionid"] = "chosen-by-somebody-else-0000000"

    assert planted.get(PROFILE).status_code == 200
    assert planted.cookies["sessionid"].value != "chosen-by-somebody-else-0000000"
    assert other.get(PROFILE).status_code == 302


def test_a_copied_session_ends_with_the_logout(radiologist: User) -> None:
    client, thief = Client(), Client()
    client.post(LOGIN, {"username": "radiologist", "password": PASSWORD})
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    assert thief.get(PROFILE).status_code == 200

    client.post("/accounts/logout/")

    assert thief.get(PROFILE).status_code == 302


def test_who_has_left_is_out_at_once(client: Client, radiologist: User) -> None:
    client.force_login(radiologist)
    User.objects.update(is_active=False)

    assert client.get(PROFILE).status_code == 302


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
    client: Client, radiologist: User
) -> None:
    client.post(LOGIN, {"username": "radiologist", "password": PASSWORD})

    cookie = client.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def _try(client: Client, username: str, password: str, forwarded: str) -> int:
    form = {"username": username, "password": password}
    return client.post(LOGIN, form, headers={"X-Forwarded-For": forwarded}).status_code
