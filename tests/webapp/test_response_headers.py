"""Headers of every URL: no stored copies, and the security headers also on errors and static files."""

from __future__ import annotations

from typing import Final

import pytest
from django.test import Client
from pytest_django import Settings

from diagnostics.accounts.models import User
from tests.webapp.access_objects import AccessObjects, url_names

# As in the HTTP headers cheat sheet of OWASP, for a site that no other site embeds.
EXPECTED: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def assert_security_headers(response, name: str) -> None:
    assert {header: response.headers.get(header) for header in EXPECTED} == EXPECTED, name
    assert "camera=()" in response.headers["Permissions-Policy"], name
    assert "default-src '" in response.headers["Content-Security-Policy"], name


@pytest.mark.slow
def test_no_response_of_any_url_may_be_stored(
    objects: AccessObjects, administrator: User, radiologist: User
) -> None:
    for name in url_names():
        for user in (administrator, radiologist, None):
            client = Client()
            if user:
                client.force_login(user)
            response = client.get(objects.url(name))
            b"".join(response)  # closes a streamed file
            assert "no-store" in response.headers["Cache-Control"], (name, user)
            assert_security_headers(response, name)


@pytest.mark.parametrize("url", ["/nowhere/", "/api/v1/nowhere/", "/admin/login/"])
def test_errors_and_the_admin_site_have_the_headers(url: str, client: Client, db: None) -> None:
    response = client.get(url)

    assert_security_headers(response, url)
    assert "no-store" in response.headers["Cache-Control"]


def test_static_files_have_the_security_headers_and_may_be_stored(client: Client, settings: Settings) -> None:
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True

    response = Client().get("/static/css/tokens.css")

    b"".join(response)
    assert response.status_code == 200
    assert_security_headers(response, "static")
    assert "no-store" not in response.headers["Cache-Control"]


def test_a_host_that_is_not_allowed_is_refused(client: Client, settings: Settings) -> None:
    from webapp.settings import ALLOWED_HOSTS

    settings.ALLOWED_HOSTS = ALLOWED_HOSTS

    response = client.get("/accounts/login/", headers={"Host": "testserver"})

    assert response.status_code == 400
    assert_security_headers(response, "400")
