"""Every URL with every role: the status is the one of the access table."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from tests.radiographs import radiograph_png
from tests.webapp.access_objects import AccessObjects, url_names
from tests.webapp.access_table import EXPECTED_STATUS, ROLES


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.slow
def test_every_url_has_the_status_of_the_table(
    role: str, objects: AccessObjects, request: pytest.FixtureRequest
) -> None:
    user = None if role == "anonymous" else request.getfixturevalue(role)

    statuses = {
        name: (_status(name, objects, user, "get"), _status(name, objects, user, "post"))
        for name in url_names()
    }

    assert statuses == {name: _expected(name, role) for name in EXPECTED_STATUS}


def test_every_url_has_a_row_in_the_table() -> None:
    assert sorted(url_names()) == sorted(EXPECTED_STATUS)


@pytest.mark.slow
def test_every_post_from_a_page_requires_its_csrf_token(
    objects: AccessObjects, administrator: User, radiologist: User
) -> None:
    for name in sorted(
        set(EXPECTED_STATUS) - {"health", "health-live", "health-ready", "api-schema", "api-docs"}
    ):
        client = Client(enforce_csrf_checks=True)
        client.force_login(radiologist if name.startswith("review:") else administrator)
        response = client.post(objects.url(name), objects.bodies.get(name, {}))
        assert response.status_code in (403, 405), name


def _status(name: str, objects: AccessObjects, user: User | None, method: str) -> str:
    """Return the status of one request, whose changes are rolled back."""
    client = Client()
    body = dict(objects.bodies.get(name, {})) if method == "post" else {}
    if name in ("cases:upload", "uploads:list", "api-case-list") and method == "post":
        field = "radiographs" if name == "cases:upload" else "radiograph"
        body[field] = SimpleUploadedFile("radiograph.png", radiograph_png(2))
    with transaction.atomic():
        if user:
            client.force_login(user)
        response = getattr(client, method)(objects.url(name), body)
        b"".join(response)  # closes a streamed file
        transaction.set_rollback(True)
    if response.status_code == 302 and response["Location"].startswith(reverse("accounts:login")):
        return "login"
    return str(response.status_code)


def _expected(name: str, role: str) -> tuple[str, str]:
    get, post = (statuses.split()[ROLES.index(role)] for statuses in EXPECTED_STATUS[name])
    return get, post
