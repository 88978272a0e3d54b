"""API tokens: scopes, expiry, storage, and what ends them."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from diagnostics.accounts import services
from diagnostics.accounts.errors import InvalidToken
from diagnostics.accounts.login_throttle import INVALID_TOKENS
from diagnostics.accounts.models import ApiToken, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import tokens
from diagnostics.audit.models import Action, AuditEvent
from tests.conftest import PASSWORD

CASES = "/api/v1/cases/"
NEW = "an even longer pass phrase"


def script(key: str, address: str = "127.0.0.1") -> Client:
    return Client(headers={"Authorization": f"Token {key}"}, REMOTE_ADDR=address)


@pytest.fixture
def key(technician: User) -> str:
    return tokens.create_token(by=technician, now=timezone.now(), name="PACS")


def test_a_token_is_stored_as_a_digest_only(key: str) -> None:
    token = ApiToken.objects.get()

    assert token.digest == hashlib.sha256(key.encode()).hexdigest()
    assert key not in str(ApiToken.objects.values().get())
    assert re.fullmatch("[0-9a-f]{40}", key)  # 160 bits


def test_a_user_has_several_tokens_and_revokes_one_of_them(
    key: str, client: Client, technician: User
) -> None:
    other = tokens.create_token(by=technician, now=timezone.now(), name="Import")
    client.force_login(technician)

    first = ApiToken.objects.get(name="PACS")
    assert client.post(f"/accounts/token/{first.pk}/revoke/").status_code == 302

    assert script(key).get(CASES).status_code == 401
    assert script(other).get(CASES).status_code == 200
    assert AuditEvent.objects.get(action=Action.TOKEN_REVOKED).by == technician


def test_a_user_revokes_all_tokens(key: str, client: Client, technician: User) -> None:
    client.force_login(technician)
    client.post("/accounts/token/revoke/")
    client.post("/accounts/token/revoke/")

    assert script(key).get(CASES).status_code == 401
    assert AuditEvent.objects.filter(action=Action.TOKEN_REVOKED).count() == 1


def test_no_user_revokes_the_token_of_another_user(key: str, client: Client, radiologist: User) -> None:
    client.force_login(radiologist)

    assert client.post(f"/accounts/token/{ApiToken.objects.get().pk}/revoke/").status_code == 404
    assert script(key).get(CASES).status_code == 200


def change_password(user: User) -> None:
    services.change_password(by=user, password=NEW, now=timezone.now())


def change_role(user: User) -> None:
    User.objects.filter(pk=user.pk).update(role="radiologist")


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def reset_by_hand(user: User) -> None:
    """Set the password as `manage.py changepassword` does, past every service."""
    user.set_password(NEW)
    user.save()


@pytest.mark.parametrize("change", [change_password, change_role, deactivate, reset_by_hand])
def test_every_change_of_the_credentials_ends_tokens_and_sessions(
    change: Callable[[User], None], key: str, client: Client, technician: User
) -> None:
    client.force_login(technician)
    assert script(key).get(CASES).status_code == 200
    assert client.get("/accounts/profile/").status_code == 200

    change(technician)

    assert script(key).get(CASES).status_code == 401
    assert client.get("/accounts/profile/").status_code == 302


def test_an_account_that_is_activated_again_does_not_revive_a_token_of_an_old_password(
    key: str, technician: User
) -> None:
    change_password(technician)
    deactivate(technician)
    User.objects.update(is_active=True)

    assert script(key).get(CASES).status_code == 401
    event = AuditEvent.objects.get(action=Action.TOKENS_ENDED)
    assert (event.by, event.detail) == (technician, {"tokens": 1, "reason": "password"})


def test_a_token_expires(technician: User, now: datetime) -> None:
    key = tokens.create_token(by=technician, now=now, days=30)

    just_before, at_the_end = now + timedelta(days=30, seconds=-1), now + timedelta(days=30)
    assert tokens.authenticate_token(key=key, now=just_before).user == technician
    with pytest.raises(InvalidToken, match="expired"):
        tokens.authenticate_token(key=key, now=at_the_end)


def test_a_token_expires_after_ninety_days_by_default(technician: User, now: datetime) -> None:
    tokens.create_token(by=technician, now=now)

    assert ApiToken.objects.get().expires_at == now + timedelta(days=90)


def test_the_last_use_is_stored_once_a_minute(technician: User, now: datetime) -> None:
    key = tokens.create_token(by=technician, now=now)
    for seconds in (10, 20, 80):
        tokens.authenticate_token(key=key, now=now + timedelta(seconds=seconds))

    assert ApiToken.objects.get().last_used_at == now + timedelta(seconds=80)


@pytest.mark.parametrize(
    ("scopes", "permitted"),
    [
        ([], set()),
        (["read"], {Permission.SEE_CASES, Permission.SEE_MODELS, Permission.EXPORT}),
        (["upload"], {Permission.UPLOAD, Permission.RETRY}),
        (["review"], {Permission.SEE_CASES, Permission.READ, Permission.ASSIGN}),
        (["train", "admin"], set()),  # a radiologist has none of their permissions
    ],
)
def test_a_token_has_the_permissions_of_its_scopes_and_of_the_role(
    scopes: list[str], permitted: set[str], radiologist: User, now: datetime
) -> None:
    key = tokens.create_token(by=radiologist, now=now, scopes=scopes)

    user = tokens.authenticate_token(key=key, now=now).user

    assert {permission for permission in Permission if user.has_permission(permission)} == permitted


def test_a_read_token_cannot_upload_and_an_upload_token_cannot_read(technician: User) -> None:
    read = tokens.create_token(by=technician, now=timezone.now(), scopes=["read"])
    upload = tokens.create_token(by=technician, now=timezone.now(), scopes=["upload"])

    assert script(read).get(CASES).status_code == 200
    assert script(read).post(CASES, {}).status_code == 403
    assert script(upload).get(CASES).status_code == 403


def test_invalid_tokens_are_limited_by_address_and_valid_ones_are_not(key: str) -> None:
    guesser = script("0" * 40)
    for _ in range(INVALID_TOKENS.failures):
        assert guesser.get(CASES).status_code == 401

    response = guesser.get(CASES)

    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= INVALID_TOKENS.seconds
    assert script("0" * 40, "10.0.0.9").get(CASES).status_code == 401
    assert script(key).get(CASES).status_code == 200


FORM = {"name": "Nightly export", "scopes": ["read"], "days": "30"}


def test_a_new_token_is_shown_once_and_not_cached(client: Client, technician: User) -> None:
    client.force_login(technician)

    response = client.post("/accounts/token/", FORM)

    found = re.search(r'id="token">([0-9a-f]{40})<', response.text)
    assert found
    assert "no-store" in response["Cache-Control"]
    assert script(found[1]).get(CASES).status_code == 200
    later = client.get("/accounts/profile/").text
    assert found[1] not in later
    assert "Nightly export" in later
    event = AuditEvent.objects.get(action=Action.TOKEN_CREATED)
    assert (event.by, event.detail) == (technician, {"scopes": "read", "days": 30})


@pytest.mark.parametrize("wrong", [{"scopes": ["train"]}, {"scopes": []}, {"name": ""}, {"days": "4000"}])
def test_a_form_beyond_the_role_is_refused(wrong: dict, client: Client, technician: User) -> None:
    client.force_login(technician)

    assert client.post("/accounts/token/", FORM | wrong).status_code == 400
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("url", ["/accounts/token/", "/accounts/token/revoke/"])
def test_token_changes_require_a_login_and_post(client: Client, technician: User, url: str) -> None:
    assert client.post(url)["Location"] == "/accounts/login/?next=/"  # not the address, which takes no GET
    client.force_login(technician)
    assert client.get(url).status_code == 405
    assert not ApiToken.objects.exists()


def test_a_token_opens_no_page_of_the_account(key: str) -> None:
    assert script(key).get("/accounts/profile/").status_code == 302


def test_the_command_prints_a_token_that_the_api_accepts(technician: User) -> None:
    out = io.StringIO()
    call_command("drf_create_token", technician.username, stdout=out)

    found = re.fullmatch(r"Generated token (\S+) for user technician\n", out.getvalue())

    assert found
    assert script(found[1]).get(CASES).status_code == 200


def test_the_command_can_revoke_the_other_tokens_first(key: str, technician: User) -> None:
    call_command("drf_create_token", technician.username, reset=True, stdout=io.StringIO())

    assert script(key).get(CASES).status_code == 401


def test_the_command_refuses_an_unknown_and_an_inactive_account(technician: User) -> None:
    deactivate(technician)
    for username in ("no-such-user", technician.username):
        with pytest.raises(CommandError, match="no active account"):
            call_command("drf_create_token", username)


def test_the_password_still_logs_in_after_the_tokens_are_gone(client: Client, technician: User) -> None:
    services.revoke_token(by=technician, now=timezone.now())

    assert client.login(username=technician.username, password=PASSWORD)
