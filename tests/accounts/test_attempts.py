"""Limits on failed logins: by account, by address and by browser, kept in the database."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from diagnostics.accounts import login_throttle
from diagnostics.accounts.models import FailedAttempt, User
from diagnostics.accounts.services import attempts
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.errors import NotAllowed
from tests.conftest import PASSWORD

LOGIN = "/accounts/login/"


def log_in(client: Client, username: str, password: str, address: str = "127.0.0.1") -> int:
    form = {"username": username, "password": password}
    return client.post(LOGIN, form, REMOTE_ADDR=address).status_code


def fail_from_many_addresses(username: str, count: int) -> list[int]:
    return [log_in(Client(), username, "wrong", f"203.0.113.{number}") for number in range(count)]


def begin(username: str, address: str, now: datetime, browser: str = "") -> attempts.Attempt:
    return attempts.begin_login(username=username, address=address, browser=browser, now=now)


def test_forty_tries_from_twenty_addresses_are_stopped_at_ten(radiologist: User) -> None:
    statuses = [log_in(Client(), "radiologist", "wrong", f"203.0.113.{number % 20}") for number in range(40)]

    assert statuses == [200] * 10 + [429] * 30


def test_a_limited_account_cannot_be_told_from_one_that_does_not_exist(radiologist: User) -> None:
    pages = []
    for username in ("radiologist", "no-such-user"):
        statuses = fail_from_many_addresses(username, 11)
        response = Client().post(
            LOGIN, {"username": username, "password": "wrong"}, REMOTE_ADDR="203.0.113.99"
        )
        pages.append((statuses, response.status_code, response.headers.get("Location")))

    assert pages[0] == pages[1]


class CountingHasher(MD5PasswordHasher):
    """Count how often a password is hashed."""

    calls = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.calls += 1
        return super().encode(password, salt)


def test_an_unknown_user_costs_as_much_hashing_as_a_wrong_password(
    client: Client, radiologist: User, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    calls = []
    for username in ("radiologist", "no-such-user"):
        CountingHasher.calls = 0
        assert log_in(client, username, "wrong") == 200
        calls.append(CountingHasher.calls)

    assert calls == [1, 1]


def test_a_stranger_does_not_lock_a_user_out_of_the_browser_of_the_last_login(radiologist: User) -> None:
    browser = Client()
    assert log_in(browser, "radiologist", PASSWORD, "10.0.0.5") == 302
    browser.post("/accounts/logout/")
    fail_from_many_addresses("radiologist", 30)

    assert log_in(Client(), "radiologist", PASSWORD, "10.0.0.6") == 429
    assert log_in(browser, "radiologist", PASSWORD, "10.0.0.5") == 302


def test_the_browser_of_one_user_gives_no_further_tries_for_another(
    radiologist: User, technician: User
) -> None:
    browser = Client()
    log_in(browser, "technician", PASSWORD)
    browser.post("/accounts/logout/")
    fail_from_many_addresses("radiologist", 10)

    assert log_in(browser, "radiologist", PASSWORD, "10.0.0.7") == 429


def test_a_forged_browser_cookie_is_ignored(client: Client, radiologist: User) -> None:
    fail_from_many_addresses("radiologist", 10)
    client.cookies["readroom_browser"] = "WyJyYWRpb2xvZ2lzdCIsICJ4Il0:forged:signature"

    assert log_in(client, "radiologist", PASSWORD, "10.0.0.8") == 429


def test_limits_survive_an_emptied_cache(radiologist: User) -> None:
    fail_from_many_addresses("radiologist", 10)
    cache.clear()

    assert log_in(Client(), "radiologist", PASSWORD, "10.0.0.9") == 429


def test_a_limit_ends_although_attempts_go_on(db: None, now: datetime) -> None:
    """A refused attempt does not count, so a stranger delays an account and never locks it for ever."""
    for number in range(10):
        assert begin("a", f"10.0.0.{number}", now).wait == 0
    for minute in range(15):
        assert begin("a", "10.0.1.1", now + timedelta(minutes=minute)).wait == (15 - minute) * 60

    assert begin("a", "10.0.1.1", now + timedelta(minutes=15)).wait == 0


def test_an_account_has_at_most_a_hundred_failures_a_day(db: None, now: datetime) -> None:
    key = login_throttle.account_key("a")
    hourly = [now - timedelta(minutes=14 * number) for number in range(1, 100)]
    FailedAttempt.objects.bulk_create(FailedAttempt(key=key, account=key, at=at) for at in hourly)

    assert begin("a", "10.0.0.1", now).wait == 0  # the hundredth
    assert begin("a", "10.0.0.2", now).wait == 54 * 60  # until the first one is a day old


def test_all_addresses_of_an_ipv6_network_share_one_limit(db: None, now: datetime) -> None:
    waits = [begin(f"guess-{number}", f"2001:db8:1:2::{number:x}", now).wait for number in range(11)]

    assert waits == [0] * 10 + [60]
    assert begin("guess", "2001:db8:1:3::1", now).wait == 0


def test_a_limited_account_uses_up_no_failure_of_its_address(db: None, now: datetime) -> None:
    for _ in range(30):
        begin("a", "10.0.0.1", now)

    assert begin("b", "10.0.0.1", now).wait == 0


def test_a_success_removes_the_failures_of_the_account_and_not_those_of_the_address(
    db: None, now: datetime
) -> None:
    for number in range(9):
        begin(f"guess-{number}", "10.0.0.1", now)
    begin("own", "10.0.0.1", now).succeed(now=now)

    assert begin("guess", "10.0.0.1", now).wait == 0
    assert begin("guess", "10.0.0.1", now).wait == 60


def test_the_table_holds_no_typed_text_and_forgets_after_a_day(db: None, now: datetime) -> None:
    begin("my password", "10.0.0.1", now - timedelta(days=2))
    assert all(
        "password" not in str(row) and "10.0" not in str(row) for row in FailedAttempt.objects.values()
    )

    begin("other", "10.0.0.2", now).succeed(now=now)

    assert not FailedAttempt.objects.exists()


def test_reaching_the_limit_is_recorded_once_and_names_the_account(radiologist: User) -> None:
    fail_from_many_addresses("radiologist", 14)

    assert AuditEvent.objects.get(action=Action.LOGIN_LIMITED).target_id == str(radiologist.pk)
    assert AuditEvent.objects.filter(action=Action.LOGIN_FAILED).count() == 10


def test_an_administrator_unlocks_an_account(client: Client, administrator: User, radiologist: User) -> None:
    fail_from_many_addresses("radiologist", 10)
    client.force_login(administrator)

    client.post(f"/accounts/staff/{radiologist.pk}/unlock/")

    assert log_in(Client(), "radiologist", PASSWORD, "10.0.0.9") == 302
    event = AuditEvent.objects.get(action=Action.ACCOUNT_UNLOCKED)
    assert (event.by, event.target_id) == (administrator, str(radiologist.pk))


def test_only_administrators_unlock(radiologist: User, technician: User) -> None:
    with pytest.raises(NotAllowed):
        attempts.unlock(user=technician, by=radiologist, now=timezone.now())
