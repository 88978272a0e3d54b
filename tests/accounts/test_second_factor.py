"""The second factor: codes by RFC 6238, recovery codes, the login in two steps, and who demands it."""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from base64 import b32decode, b32encode
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from diagnostics.accounts.errors import WrongFactor
from diagnostics.accounts.models import Authenticator, RecoveryCode, User
from diagnostics.accounts.services import second_factor, totp
from diagnostics.audit.models import Action, AuditEvent
from tests.conftest import PASSWORD

LOGIN, SECOND = "/accounts/login/", "/accounts/login/second-factor/"
FACTORS, APP = "/accounts/factors/", "/accounts/factors/app/"
PROFILE = "/accounts/profile/"
RFC_KEY = b32encode(b"12345678901234567890").decode()  # the key of RFC 6238, appendix B


def code_of(key: str, at: datetime) -> str:
    """Return the code of a key by the formulas of RFC 4226 and RFC 6238."""
    digest = hmac.digest(b32decode(key), struct.pack(">Q", int(at.timestamp()) // 30), hashlib.sha1)
    offset = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, offset)[0] & 0x7FFFFFFF) % 1_000_000:06}"


def enrol(user: User, key: str = RFC_KEY) -> list[str]:
    """Add an authenticator app whose first code was used a day ago; return recovery codes."""
    earlier = timezone.now() - timedelta(days=1)
    second_factor.add_totp(by=user, key=key, code=code_of(key, earlier), name="Phone", now=earlier)
    return second_factor.create_recovery_codes(by=user, now=earlier)


def log_in(client: Client, user: User, **fields: str):
    return client.post(LOGIN, {"username": user.username, "password": PASSWORD} | fields)


@pytest.mark.parametrize(
    ("seconds", "code"),  # RFC 6238, appendix B, SHA-1: the last six of its eight digits
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, tz=UTC)

    assert totp.matching_step(key=RFC_KEY, code=code, after=0, now=now) == seconds // 30
    assert code_of(RFC_KEY, now) == code


@pytest.mark.parametrize(("drift", "accepted"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_telephone_may_be_half_a_minute_slow_or_fast(
    drift: int, accepted: bool, technician: User, now: datetime
) -> None:
    enrol(technician)
    code = code_of(RFC_KEY, timezone.now() + timedelta(seconds=drift))
    step = totp.matching_step(key=RFC_KEY, code=code, after=0, now=timezone.now())

    assert (step is not None) == accepted


def test_a_code_is_valid_once(technician: User) -> None:
    enrol(technician)
    now = timezone.now()
    second_factor.check_code(user=technician, code=code_of(RFC_KEY, now), now=now)

    with pytest.raises(WrongFactor):
        second_factor.check_code(user=technician, code=code_of(RFC_KEY, now), now=now)


def test_the_key_is_stored_encrypted(technician: User) -> None:
    enrol(technician)
    stored = Authenticator.objects.get().secret

    assert RFC_KEY not in stored
    assert totp.decrypted(stored) == RFC_KEY


def test_a_password_alone_opens_no_page_of_a_user_with_a_second_factor(
    client: Client, technician: User
) -> None:
    enrol(technician)

    assert log_in(client, technician)["Location"] == SECOND

    assert client.get(PROFILE)["Location"].startswith(LOGIN)
    assert client.get("/api/v1/cases/").status_code == 401
    assert not AuditEvent.objects.filter(action=Action.LOGGED_IN).exists()


def test_the_code_completes_the_login_and_leads_to_the_requested_page(
    client: Client, technician: User
) -> None:
    enrol(technician)
    log_in(client, technician, next="/cases/")
    assert "Code of your authenticator app" in client.get(SECOND).text

    response = client.post(SECOND, {"code": code_of(RFC_KEY, timezone.now())})

    assert response["Location"] == "/cases/"
    assert client.get(PROFILE).status_code == 200
    assert AuditEvent.objects.get(action=Action.LOGGED_IN).by == technician


def test_a_wrong_code_is_refused_and_recorded(client: Client, technician: User) -> None:
    enrol(technician)
    log_in(client, technician)

    response = client.post(SECOND, {"code": "000000"})

    assert "The code is wrong or was used before." in response.text
    assert client.get(PROFILE).status_code == 302
    assert AuditEvent.objects.get(action=Action.FACTOR_FAILED).by == technician


def test_guesses_of_the_code_are_limited(technician: User) -> None:
    enrol(technician)
    statuses = []
    for _ in range(7):  # a new session for each guess does not help
        client = Client()
        log_in(client, technician)
        statuses.append(client.post(SECOND, {"code": "000000"}).status_code)

    assert statuses == [200] * 5 + [429] * 2
    assert client.post(SECOND, {"code": code_of(RFC_KEY, timezone.now())}).status_code == 429


def test_a_recovery_code_replaces_the_second_factor_once(technician: User) -> None:
    codes = enrol(technician)
    for expected in (302, 200):
        client = Client()
        log_in(client, technician)
        assert client.post(SECOND, {"code": codes[3].upper()}).status_code == expected

    assert AuditEvent.objects.get(action=Action.RECOVERY_CODE_USED).detail == {"codes left": 9}
    assert codes[0] not in str(list(RecoveryCode.objects.values()))


def test_the_second_step_needs_the_first(client: Client, technician: User) -> None:
    enrol(technician)

    assert client.get(SECOND)["Location"] == LOGIN
    assert client.post(SECOND, {"code": code_of(RFC_KEY, timezone.now())})["Location"] == LOGIN


def test_the_second_step_ends_with_a_new_password_and_after_ten_minutes(
    client: Client, technician: User
) -> None:
    enrol(technician)
    log_in(client, technician)
    session = client.session
    session["pending_login"] |= {"at": timezone.now().timestamp() - 601}
    session.save()
    assert client.get(SECOND)["Location"] == LOGIN

    log_in(client, technician)
    technician.set_password("an even longer pass phrase")
    technician.save()
    assert client.get(SECOND)["Location"] == LOGIN


def test_a_user_adds_an_app_with_its_first_code_and_gets_recovery_codes(
    client: Client, technician: User
) -> None:
    log_in(client, technician)
    page = client.get(APP)
    found = re.search(r'id="totp-key">(\w+)<', page.text)
    assert found
    assert 'src="data:image/svg+xml' in page.text  # the QR code needs no other host
    assert "no-store" in page["Cache-Control"]

    assert client.post(APP, {"name": "Phone", "code": "000000"}).status_code == 200
    assert not Authenticator.objects.exists()
    response = client.post(APP, {"name": "Phone", "code": code_of(found[1], timezone.now())})

    assert len(re.findall(r"<li><code>[0-9a-f]{16}</code>", response.text)) == 10
    assert "<li><code>" not in client.get(FACTORS).text
    assert technician.authenticators.get().name == "Phone"
    assert AuditEvent.objects.get(action=Action.FACTOR_ADDED).detail == {"kind": "totp"}


def test_second_factors_change_only_after_the_password_was_typed_again(
    client: Client, technician: User
) -> None:
    enrol(technician)
    client.force_login(technician)  # a session whose password was typed long ago
    factor = technician.authenticators.get()

    for url in (APP, f"{FACTORS}{factor.pk}/remove/", f"{FACTORS}codes/", f"{FACTORS}passkey/"):
        assert client.post(url)["Location"].startswith("/accounts/confirm/")
    assert client.post("/accounts/confirm/", {"password": "wrong"}).status_code == 200
    assert client.post(f"/accounts/confirm/?next={APP}", {"password": PASSWORD})["Location"] == APP
    assert client.get(APP).status_code == 200


def test_a_confirmation_never_redirects_to_another_site(client: Client, technician: User) -> None:
    client.force_login(technician)
    url = "/accounts/confirm/?next=https://elsewhere.example/"

    assert client.post(url, {"password": PASSWORD})["Location"] == FACTORS


def test_tries_of_the_password_in_a_confirmation_are_limited(client: Client, technician: User) -> None:
    client.force_login(technician)
    for _ in range(5):
        client.post("/accounts/confirm/", {"password": "wrong"})

    assert client.post("/accounts/confirm/", {"password": PASSWORD}).status_code == 429


def test_a_user_removes_only_own_factors(client: Client, technician: User, radiologist: User) -> None:
    enrol(radiologist)
    log_in(client, technician)

    url = f"{FACTORS}{radiologist.authenticators.get().pk}/remove/"
    assert client.post(url).status_code == 404
    assert radiologist.authenticators.exists()


@pytest.mark.parametrize("response", ["", "{}", "[]", "null", "not json", '{"id": 1}', "{" * 30_000])
def test_a_malformed_passkey_is_refused(response: str, client: Client, technician: User) -> None:
    log_in(client, technician)
    client.get(f"{FACTORS}passkey/")

    page = client.post(f"{FACTORS}passkey/", {"credential": response})

    assert page.status_code == 200
    assert "The passkey was not accepted" in page.text
    assert not Authenticator.objects.exists()
