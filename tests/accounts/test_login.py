"""Coming in and going out."""

from __future__ import annotations

import time

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts import login_throttle
from diagnostics.accounts.login_throttle import Limit
from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from tests.conftest import PASSWORD

LOGIN = "/accounts/login/"


def log_in(client: Client, username: str, password: str, address: str = "127.0.0.1", **extra: str):
    return client.post(LOGIN, {"username": username, "password": password, **extra}, REMOTE_ADDR=address)


def test_the_right_password_opens_the_session_and_is_put_on_record(client: Client, radiologist: User):
    answer = log_in(client, "radiologist", PASSWORD)

    assert answer.status_code == 302
    assert answer["Location"] == "/"
    event = AuditEvent.objects.get()
    assert (event.action, event.by) == (Action.LOGGED_IN, radiologist)


def test_a_login_leads_back_to_the_page_that_asked_for_it(client: Client, radiologist: User):
    assert log_in(client, "radiologist", PASSWORD, next="/cases/")["Location"] == "/cases/"


def test_a_login_leads_nowhere_outside(client: Client, radiologist: User):
    assert log_in(client, "radiologist", PASSWORD, next="https://elsewhere.example/")["Location"] == "/"


def test_a_wrong_password_is_refused_without_keeping_what_was_typed(client: Client, radiologist: User):
    answer = log_in(client, "radiologist", "my other password")

    assert answer.status_code == 200
    assert "Name and password do not go together" in answer.text
    event = AuditEvent.objects.get()
    assert (event.action, event.by, event.target_id, event.detail) == (Action.LOGIN_REFUSED, None, "", {})


def test_a_person_who_left_is_refused(client: Client, radiologist: User):
    User.objects.update(is_active=False)

    assert log_in(client, "radiologist", PASSWORD).status_code == 200
    assert "_auth_user_id" not in client.session


def test_after_five_wrong_passwords_even_the_right_one_must_wait(client: Client, radiologist: User):
    for _ in range(5):
        assert log_in(client, "radiologist", "wrong").status_code == 200

    answer = log_in(client, "Radiologist", PASSWORD)

    assert answer.status_code == 429
    assert answer["Retry-After"] == "300"
    assert "Wait, then try again" in answer.text
    assert "_auth_user_id" not in client.session


def test_a_colleague_at_the_same_desk_and_oneself_at_another_still_come_in(
    client: Client, radiologist: User, technician: User
):
    for _ in range(12):
        log_in(client, "radiologist", "wrong")

    assert log_in(client, "technician", PASSWORD).status_code == 302
    assert log_in(Client(), "radiologist", PASSWORD, address="10.0.0.9").status_code == 302


def test_ten_wrong_passwords_for_any_names_close_an_address(client: Client, radiologist: User):
    for number in range(10):
        log_in(client, f"guess-{number}", "wrong")

    assert log_in(client, "radiologist", PASSWORD).status_code == 429
    assert log_in(client, "radiologist", PASSWORD, address="10.0.0.9").status_code == 302


def test_the_right_password_forgives_the_wrong_ones_before(client: Client, radiologist: User):
    for _ in range(3):
        for _ in range(3):
            log_in(client, "radiologist", "wrong")
        assert log_in(Client(), "radiologist", PASSWORD).status_code == 302


def test_a_closed_login_opens_by_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(login_throttle, "PER_PERSON", Limit(failures=1, seconds=1))

    assert login_throttle.begin_attempt(username="a", address="10.0.0.1") is not None
    assert login_throttle.begin_attempt(username="a", address="10.0.0.1") is None
    time.sleep(1.1)
    assert login_throttle.begin_attempt(username="a", address="10.0.0.1") is not None


def test_logging_out_ends_the_session_and_is_put_on_record(client: Client, radiologist: User):
    client.force_login(radiologist)

    answer = client.post("/accounts/logout/")

    assert answer["Location"] == LOGIN
    assert "_auth_user_id" not in client.session
    event = AuditEvent.objects.get(action=Action.LOGGED_OUT)
    assert event.by == radiologist


def test_a_link_cannot_log_anybody_out(client: Client, radiologist: User):
    client.force_login(radiologist)

    assert client.get("/accounts/logout/").status_code == 405
    assert "_auth_user_id" in client.session


def test_a_login_form_without_its_csrf_token_is_explained(radiologist: User):
    answer = log_in(Client(enforce_csrf_checks=True), "radiologist", PASSWORD)

    assert answer.status_code == 403
    assert "the page was too old" in answer.text


@pytest.mark.parametrize(
    ("role", "page"),
    [
        ("radiologist", "review:worklist"),
        ("technician", "cases:list"),
        ("administrator", "training:runs"),
    ],
)
def test_everybody_begins_where_their_work_is(
    client: Client, request: pytest.FixtureRequest, role: str, page: str
):
    client.force_login(request.getfixturevalue(role))

    assert client.get("/")["Location"] == reverse(page)


def test_nobody_begins_at_the_login(client: Client):
    assert client.get("/")["Location"] == "/accounts/login/?next=/"
