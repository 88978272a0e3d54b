"""Error pages: in the look of the site, with the error reference, and JSON below /api/."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from tests.conftest import PASSWORD, create_user
from webapp import urls

LOOK = "Research use only. Not for diagnosis."  # the footer of every page
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="locks a SQLite file")


def fails(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("a secret detail")


def loses_the_database(request: HttpRequest) -> HttpResponse:
    raise OperationalError("connection to server at 10.0.0.7 failed")


urlpatterns = [
    path("fails/", fails),
    path("lost/", loses_the_database),
    path("api/v1/fails/", fails),
    path("api/v1/lost/", loses_the_database),
    *urls.urlpatterns,
]
handler400, handler403, handler404, handler500 = (
    urls.handler400,
    urls.handler403,
    urls.handler404,
    urls.handler500,
)


@pytest.fixture
def browser_of_errors(settings: Settings, db: None) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    ("url", "status", "heading"),
    [
        ("/fails/", 500, "Server error"),
        ("/lost/", 503, "Temporarily unavailable"),
        ("/nowhere/", 404, "Page not found"),
    ],
)
def test_an_error_page_has_the_look_of_the_site_and_the_reference_of_the_log(
    url: str, status: int, heading: str, browser_of_errors: Client
) -> None:
    response = browser_of_errors.get(url)

    text = response.content.decode()
    assert response.status_code == status
    assert f"<h1>{heading}</h1>" in text
    assert LOOK in text
    assert response["X-Request-ID"] in text
    assert "secret detail" not in text
    assert "10.0.0.7" not in text


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("/api/v1/fails/", 500, "internal"),
        ("/api/v1/lost/", 503, "unavailable"),
        ("/api/v1/nowhere/", 404, "not_found"),
    ],
)
def test_an_error_of_the_api_is_json(url: str, status: int, code: str, browser_of_errors: Client) -> None:
    response = browser_of_errors.get(url)

    assert response.status_code == status
    assert response.json()["code"] == code


@pytest.mark.parametrize("url", ["/lost/", "/api/v1/lost/"])
def test_an_unavailable_database_names_the_time_to_retry(url: str, browser_of_errors: Client) -> None:
    assert 1 <= int(browser_of_errors.get(url)["Retry-After"]) <= 60


def test_an_outage_of_the_database_is_logged_without_a_traceback(
    browser_of_errors: Client, caplog: pytest.LogCaptureFixture
) -> None:
    browser_of_errors.get("/lost/")

    assert [record.exc_info for record in caplog.records if record.name == "django.request"] == [None]


def test_a_malformed_request_has_a_page(client: Client, db: None) -> None:
    response = client.post("/accounts/login/", {"username": "x" * 6_000_000})

    assert response.status_code == 400
    assert "<h1>Request refused</h1>" in response.content.decode()
    assert response["X-Request-ID"] in response.content.decode()


@pytest.fixture
def locked_database(transactional_db: None) -> Iterator[None]:
    """Hold the write lock of the database, as a long migration or another process does."""
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor, closing(sqlite3.connect(name)) as other:
        cursor.execute("PRAGMA busy_timeout = 50")  # in place of 20 s
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()
        cursor.execute("PRAGMA busy_timeout = 20000")


@on_sqlite
def test_a_login_while_the_database_is_locked_gets_503_and_succeeds_afterwards(
    transactional_db: None, request: pytest.FixtureRequest
) -> None:
    from diagnostics.accounts.models import Site
    from diagnostics.accounts.roles import Role

    create_user("radiologist", Role.RADIOLOGIST, Site.objects.create(name="North"))
    form = {"username": "radiologist", "password": PASSWORD}
    client = Client(raise_request_exception=False)
    request.getfixturevalue("locked_database")

    response = client.post("/accounts/login/", form)

    assert response.status_code == 503
    assert "Temporarily unavailable" in response.content.decode()
