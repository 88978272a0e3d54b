"""Passkeys and authenticator apps in Chromium, whose virtual authenticator answers for the user."""

from __future__ import annotations

from typing import Any, Final

import pyotp
import pytest

from tests.pages.page_checks import faults, open_page, record_errors
from tests.stack import DEMO_PASSWORD, Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

SITE: Final = "access"
AUTHENTICATOR: Final = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def by_name(stack: Stack) -> str:
    """Return the address by host name: a passkey cannot belong to a numeric address."""
    return stack.base_url.replace("127.0.0.1", "localhost")


def type_password(page: Any, address: str, username: str) -> None:
    page.goto(f"{address}/accounts/login/?next=/accounts/profile/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", DEMO_PASSWORD)
    page.click("button[type=submit] >> text=Log in")


def log_out(page: Any) -> None:
    page.context.clear_cookies()


def test_a_passkey_is_added_and_asked_for_at_the_next_login(embedded_stack: Stack, browser: Any) -> None:
    address, user = by_name(embedded_stack), embedded_stack.site(SITE).technician
    page = browser.new_context().new_page()
    errors = record_errors(page)
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    device = session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    type_password(page, address, user)

    page.goto(f"{address}/accounts/factors/passkey/")
    page.fill("#id_name", "Reading room")
    page.click("main button[type=submit]")
    page.wait_for_selector("#recovery-codes")
    stored = session.send("WebAuthn.getCredentials", device)["credentials"]
    assert [each["rpId"] for each in stored] == ["localhost"]

    log_out(page)
    type_password(page, address, user)
    page.wait_for_url("**/accounts/login/second-factor/")
    page.goto(f"{address}/accounts/profile/")
    assert "/accounts/login/" in page.url
    page.goto(f"{address}/accounts/login/second-factor/")
    page.click("text=Use passkey")
    page.wait_for_url("**/accounts/profile/")

    log_out(page)
    session.send("WebAuthn.removeVirtualAuthenticator", device)
    session.send(
        "WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR}
    )  # of a thief: without the key
    type_password(page, address, user)
    page.wait_for_url("**/accounts/login/second-factor/")
    page.click("text=Use passkey")
    page.wait_for_selector("text=The browser gave no passkey")
    page.goto(f"{address}/accounts/profile/")
    assert "/accounts/login/" in page.url
    assert errors == []


def test_an_authenticator_app_is_added_from_the_page_and_its_pages_pass_axe(
    embedded_stack: Stack, browser: Any
) -> None:
    user, address = embedded_stack.site(SITE).radiologist, embedded_stack.base_url
    page = open_page(browser, embedded_stack, user)
    found = {name: faults(page, f"{address}/accounts/factors/{name}/") for name in ("app", "passkey")}
    link = embedded_stack.manage("password_link", embedded_stack.site(SITE).colleague).strip()
    found["link"] = faults(open_page(browser, embedded_stack), address + link)

    page.goto(f"{address}/accounts/factors/app/")
    key = page.text_content("#totp-key").strip()
    page.fill("#id_code", pyotp.TOTP(key).now())
    page.click("main button[type=submit]")
    page.wait_for_selector("#recovery-codes")
    code = page.text_content("#recovery-codes code").strip()

    page.context.clear_cookies()
    type_password(page, address, user)
    page.wait_for_url("**/accounts/login/second-factor/")
    found["second factor"] = faults(page, f"{address}/accounts/login/second-factor/")
    page.fill("#id_code", code)
    page.click("main button[type=submit]")
    page.wait_for_url("**/accounts/profile/")
    assert {name: each for name, each in found.items() if each} == {}
