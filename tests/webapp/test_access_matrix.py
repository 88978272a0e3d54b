"""Every URL for accounts without a site, of another site, inactive ones, and API tokens of each scope."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.utils import timezone

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role, Scope
from diagnostics.accounts.services import tokens
from docs.make_access_table import DOCUMENT, document
from tests.conftest import create_user
from tests.radiographs import radiograph_png
from tests.webapp.access_exceptions import ANY_TOKEN, TOKEN_URLS, at_other_site, without_site
from tests.webapp.access_objects import AccessObjects, url_names
from tests.webapp.access_table import EXPECTED_STATUS
from tests.webapp.test_permissions import _expected as expected
from tests.webapp.test_permissions import _status as status_of
from tests.webapp.url_patterns import named_patterns

METHODS = ("get", "post")


@pytest.mark.parametrize("role", [str(role) for role in Role])
@pytest.mark.slow
def test_a_user_without_a_site_gets_a_sentence_and_no_error(
    role: str, objects: AccessObjects, request: pytest.FixtureRequest
) -> None:
    user: User = request.getfixturevalue(role)
    user.sites.clear()

    assert statuses(objects, user) == {
        (name, method): without_site(name, method, role, expected(name, role)[METHODS.index(method)])
        for name in EXPECTED_STATUS
        for method in METHODS
    }


def test_a_user_without_a_site_is_told_what_to_do(client: Client, radiologist: User) -> None:
    radiologist.sites.clear()
    client.force_login(radiologist)

    response = client.get("/cases/")

    assert response.status_code == 403
    assert "You are not a member of a site. Ask an administrator to add you to one." in response.text


@pytest.mark.slow
def test_an_administrator_of_another_site_finds_no_object_of_this_site(
    objects: AccessObjects, other_site: Site
) -> None:
    user = create_user("elsewhere", Role.ADMINISTRATOR, other_site)

    assert statuses(objects, user) == {
        (name, method): at_other_site(name, method, expected(name, "administrator")[METHODS.index(method)])
        for name in EXPECTED_STATUS
        for method in METHODS
    }


@pytest.mark.slow
def test_an_inactive_user_is_an_anonymous_one(objects: AccessObjects, administrator: User) -> None:
    administrator.is_active = False
    administrator.save()

    assert statuses(objects, administrator) == {
        (name, method): expected(name, "anonymous")[METHODS.index(method)]
        for name in EXPECTED_STATUS
        for method in METHODS
    }


@pytest.mark.slow
def test_a_token_opens_the_api_and_the_images_and_no_page(objects: AccessObjects, radiologist: User) -> None:
    key = tokens.create_token(by=radiologist, now=timezone.now())
    for name in url_names():
        for method, anonymous in zip(METHODS, expected(name, "anonymous"), strict=True):
            opened = name in TOKEN_URLS or name in ANY_TOKEN
            wanted = expected(name, "radiologist")[METHODS.index(method)] if opened else anonymous
            assert _token_status(objects, key, name, method) == wanted, (name, method)


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.slow
def test_a_token_of_one_scope_opens_what_the_scope_names(
    scope: Scope, objects: AccessObjects, radiologist: User
) -> None:
    key = tokens.create_token(by=radiologist, now=timezone.now(), scopes=[scope])
    for name, scopes in TOKEN_URLS.items():
        for method, needed in scopes.items():
            of_role = expected(name, "radiologist")[METHODS.index(method)]
            wanted = of_role if scope in needed else "403"
            assert _token_status(objects, key, name, method) == wanted, (name, method)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.slow
def test_no_url_accepts_another_method(method: str, objects: AccessObjects, radiologist: User) -> None:
    names = set(EXPECTED_STATUS) - {"accounts:reset"}  # says by any method that the link is not valid
    for name in sorted(names):
        assert status_of(name, objects, None, method) in ("login", "401", "405"), name
        assert status_of(name, objects, radiologist, method) in ("405", "403", "login", "302"), name


@pytest.mark.slow
def test_no_url_of_the_admin_site_is_open_to_other_roles(
    client: Client, technician: User, radiologist: User
) -> None:
    key = tokens.create_token(by=radiologist, now=timezone.now())
    paths = [pattern for name, pattern in named_patterns().items() if name.startswith("admin:")]
    assert paths
    clients = (logged_in(technician), logged_in(radiologist), token_client(key), client)
    for pattern in paths:
        path = re.sub(r"<[^>]+>|\(.*", "1", pattern)
        for each in clients:
            for method in METHODS:
                response = getattr(each, method)(path)
                assert response.status_code in (302, 307, 403, 404, 405), (path, method)


def test_the_document_of_access_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def token_client(key: str) -> Client:
    return Client(headers={"Authorization": f"Token {key}"})


def statuses(objects: AccessObjects, user: User) -> dict[tuple[str, str], str]:
    return {
        (name, method): status_of(name, objects, user, method) for name in url_names() for method in METHODS
    }


def _token_status(objects: AccessObjects, key: str, name: str, method: str) -> str:
    client = token_client(key)
    body = dict(objects.bodies.get(name, {})) if method == "post" else {}
    if name == "api-case-list" and method == "post":
        body["radiograph"] = SimpleUploadedFile("radiograph.png", radiograph_png(2))
    with transaction.atomic():
        response = getattr(client, method)(objects.url(name), body)
        b"".join(response)
        transaction.set_rollback(True)
    if response.status_code == 302 and response["Location"].startswith("/accounts/login/"):
        return "login"
    return str(response.status_code)
