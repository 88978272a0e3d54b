"""Login and logout with a provider that others have written, as a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from tests.servers import free_port, is_listening, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def issuer() -> Iterator[str]:
    port = free_port()
    claims = {"sub": "0815", "preferred_username": "dr.lee", "groups": ["radiology"], "given_name": "Ann"}
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    process = subprocess.Popen(
        [*command, "--user-claims", json.dumps(claims)],
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: is_listening(port), seconds=60, what="the start of the provider")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_login_and_logout_at_a_provider(client: Client, issuer: str, site: Site, settings: Settings) -> None:
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = issuer, "readroom", "secret"
    settings.OIDC_ROLES = [("radiologist", "radiology")]

    login_page = client.get("/accounts/sign-on/").headers["Location"]
    assert requests.get(login_page, timeout=30).status_code == 200
    approved = requests.post(login_page, data={"sub": "0815"}, allow_redirects=False, timeout=30)
    back = urlsplit(approved.headers["Location"])
    assert back.path == "/accounts/sign-on/callback/"
    client.get(back.path, {name: values[0] for name, values in parse_qs(back.query).items()})

    user = User.objects.get()
    assert client.session["_auth_user_id"] == str(user.pk)
    assert (user.username, user.first_name, user.role) == ("dr.lee", "Ann", "radiologist")
    assert list(user.sites.all()) == [site]

    page = client.post("/accounts/logout/", follow=True)
    link = re.search(r'href="(http://127[^"]+)"', page.text)
    assert link is not None
    ended = requests.get(link[1].replace("&amp;", "&"), timeout=30)
    assert ended.status_code == 200


def test_a_login_that_the_user_cancels_ends_at_the_login_page(
    client: Client, issuer: str, site: Site, settings: Settings
) -> None:
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = issuer, "readroom"
    settings.OIDC_ROLES = [("radiologist", "radiology")]

    login_page = client.get("/accounts/sign-on/").headers["Location"]
    denied = requests.post(login_page, data={"action": "deny"}, allow_redirects=False, timeout=30)
    back = urlsplit(denied.headers["Location"])
    response = client.get(back.path, {name: values[0] for name, values in parse_qs(back.query).items()})

    assert response.headers["Location"] == "/accounts/login/"
    assert not User.objects.exists()
