"""Cases of another site are invisible, images are private, and no URL leads out of its folder."""

from __future__ import annotations

import re
import uuid
from typing import Final

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from tests.webapp.access_objects import AccessObjects

RANDOM_TEXT: Final = re.compile(r"[\w-]{32,}")  # CSRF tokens and ids differ from response to response


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_lists_show_no_case_of_another_site(objects: AccessObjects, stranger: User) -> None:
    client = logged_in(stranger)
    case = str(objects.args["cases:case"][0])

    for name in ("cases:list", "cases:rows", "api-case-list"):
        assert case not in client.get(reverse(name)).content.decode()


def test_a_case_of_another_site_cannot_be_told_from_a_missing_case(
    objects: AccessObjects, stranger: User
) -> None:
    client = logged_in(stranger)
    existing, missing = objects.args["cases:case"][0], uuid.uuid4()

    for name in (
        "cases:case",
        "cases:radiograph",
        "cases:thumbnail",
        "cases:pixels",
        "cases:overlay",
        "api-case",
        "api-readings",
        "reports:page",
        "reports:pdf",
        "review:case",
        "review:prefetch",
    ):
        responses = [client.get(reverse(name, args=[pk])) for pk in (existing, missing)]
        assert [response.status_code for response in responses] == [404, 404]
        texts = {RANDOM_TEXT.sub("", response.content.decode()) for response in responses}
        assert len(texts) == 1, name


@pytest.mark.parametrize("name", ["cases:radiograph", "cases:heatmap", "cases:overlay"])
def test_an_image_is_private_and_never_interpreted_as_a_page(
    name: str, objects: AccessObjects, technician: User
) -> None:
    image = logged_in(technician).get(objects.url(name))

    assert image["Content-Type"] == "image/png"
    assert image["X-Content-Type-Options"] == "nosniff"
    assert image["Cache-Control"].startswith("private")
    assert "default-src 'self'" in image["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["../../db.sqlite3", "..%2f..%2fdb.sqlite3", "%2e%2e/secret_key", "curves.svg/../../x"]
)
def test_no_url_leads_out_of_the_folder_of_a_run_or_a_case(
    path: str, objects: AccessObjects, administrator: User
) -> None:
    client = logged_in(administrator)
    case, run = objects.args["cases:case"][0], objects.args["training:run"][0]

    for folder in (f"/cases/{case}/heatmap/", f"/cases/{case}/", f"/training/{run}/", "/media/", "/static/"):
        for ending in ("", ".png", ".svg"):
            assert client.get(f"{folder}{path}{ending}").status_code == 404
