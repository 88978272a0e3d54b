"""Login, logout and the limit on failed logins."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from tests.conftest import PASSWORD

LOGIN = "/accounts/login/"


def log_in(client: Client, username: str, password: str, address: str = "127.0.0.1", **extra: str):
    return client.post(LOGIN, {"username": username, "password": password, **extra}, REMOTE_ADDR=address)


def test_a_login_starts_a_session_and_is_recorded(client: Client, radiologist: User):
    response = log_in(client, "radiologist", PASSWORD)

    assert response.status_code == 302
    assert response["Location"] == "/"
    event = AuditEvent.objects.get()
    assert (event.action, event.by) == (Action.LOGGED_IN, radiologist)


def test_a_login_redirects_to_the_requested_page(client: Client, radiologist: User):
    assert log_in(client, "radiologist", PASSWORD, next="/cases/")["Location"] == "/cases/"


def test_a_login_never_redirects_to_another_site(client: Client, radiologist: User):
    assert log_in(client, "radiologist", PASSWORD, next="https://elsewhere.example/")["Location"] == "/"


def test_a_wrong_password_is_refused_and_recorded_without_the_typed_text(client: Client, radiologist: User):
    response = log_in(client, "radiologist", "my other password")

    assert response.status_code == 200
    assert "User name or password is wrong" in response.text
    event = AuditEvent.objects.get()
    assert (event.action, event.by, event.target_id, event.detail) == (Action.LOGIN_FAILED, None, "", {})


def test_an_inactive_user_cannot_log_in(client: Client, radiologist: User):
    User.objects.update(is_active=False)

    assert log_in(client, "radiologist", PASSWORD).status_code == 200
    assert "_auth_user_id" not in client.session


def test_five_wrong_passwords_lock_the_login_of_that_user(client: Client, radiologist: User):
    for _ in range(5):
        assert log_in(client, "radiologist", "wrong").status_code == 200

    response = log_in(client, "Radiologist", PASSWORD)

    assert response.status_code == 429
    assert 290 <= int(response["Retry-After"]) <= 300
    assert "Wait 5 minutes, then try again" in response.text
    assert "_auth_user_id" not in client.session


def test_a_lock_affects_neither_other_users_nor_other_addresses(
    client: Client, radiologist: User, technician: User
):
    for _ in range(12):
        log_in(client, "radiologist", "wrong")

    assert log_in(client, "technician", PASSWORD).status_code == 302
    assert log_in(Client(), "radiologist", PASSWORD, address="10.0.0.9").status_code == 302


def test_ten_wrong_passwords_of_any_users_lock_an_address(client: Client, radiologist: User):
    for number in range(10):
        log_in(client, f"guess-{number}", "wrong")

    assert log_in(client, "radiologist", PASSWORD).status_code == 429
    assert log_in(client, "radiologist", PASSWORD, address="10.0.0.9").status_code == 302


def test_a_login_resets_the_failures_before_it(client: Client, radiologist: User):
    for _ in range(3):
        for _ in range(3):
            log_in(client, "radiologist", "wrong")
        assert log_in(Client(), "radiologist", PASSWORD).status_code == 302


def test_a_logout_ends_the_session_and_is_recorded(client: Client, radiologist: User):
    client.force_login(radiologist)

    response = client.post("/accounts/logout/")

    assert response["Location"] == LOGIN
    assert "_auth_user_id" not in client.session
    event = AuditEvent.objects.get(action=Action.LOGGED_OUT)
    assert event.by == radiologist


def test_a_get_request_does_not_log_out(client: Client, radiologist: User):
    client.force_login(radiologist)

    assert client.get("/accounts/logout/").status_code == 405
    assert "_auth_user_id" in client.session


def test_a_login_without_a_csrf_token_is_refused_with_an_explanation(radiologist: User):
    response = log_in(Client(enforce_csrf_checks=True), "radiologist", PASSWORD)

    assert response.status_code == 403
    assert "The page expired" in response.text


@pytest.mark.parametrize(
    ("role", "page"),
    [
        ("radiologist", "cases:list"),
        ("technician", "cases:list"),
    ],
)
def test_each_role_has_its_own_start_page(
    client: Client, request: pytest.FixtureRequest, role: str, page: str
):
    client.force_login(request.getfixturevalue(role))

    assert client.get("/")["Location"] == reverse(page)


def test_the_start_page_requires_a_login(client: Client):
    assert client.get("/")["Location"] == "/accounts/login/?next=/"
