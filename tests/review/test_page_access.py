"""Access to the review pages: roles, sites, methods, CSRF and inline scripts."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.review.models import Claim, Reading
from tests.review.conftest import Admit, Classify
from tests.review.pages import page_of, sign

POSTS = ["claim", "renew", "release", "sign", "amend", "confirm", "second-opinion"]


@pytest.mark.parametrize("role", ["technician", "administrator"])
def test_other_roles_are_refused(
    role: str, client: Client, admit: Admit, request: pytest.FixtureRequest
) -> None:
    case = admit(1)
    client.force_login(request.getfixturevalue(role))
    assert client.get(page_of(case)).status_code == 403
    assert client.post(reverse("review:next")).status_code == 403
    for name in POSTS:
        assert client.post(reverse(f"review:{name}", args=[case.pk])).status_code == 403


def test_a_user_of_another_site_finds_no_such_case(client: Client, stranger: User, admit: Admit) -> None:
    case = admit(1)
    client.force_login(stranger)
    assert page_of(case) not in client.get(reverse("cases:list")).content.decode()
    assert client.get(page_of(case)).status_code == 404
    for name in POSTS:
        assert client.post(reverse(f"review:{name}", args=[case.pk])).status_code == 404


def test_an_anonymous_user_is_redirected_to_the_login(client: Client, admit: Admit) -> None:
    case = admit(1)
    for address in (reverse("cases:list"), page_of(case)):
        assert reverse("accounts:login") in client.get(address)["Location"]
    assert client.post(reverse("review:next")).status_code == 302
    assert not Claim.objects.exists()


def test_addresses_that_write_refuse_get(reader: Client, admit: Admit) -> None:
    case = admit(1)
    assert reader.get(reverse("review:next")).status_code == 405
    for name in POSTS:
        assert reader.get(reverse(f"review:{name}", args=[case.pk])).status_code == 405


def test_forms_require_a_csrf_token(radiologist: User, admit: Admit) -> None:
    case = admit(1)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(radiologist)
    assert strict.post(reverse("review:next")).status_code == 403
    assert strict.post(reverse("review:sign", args=[case.pk]), {"finding": "normal"}).status_code == 403
    assert not Reading.objects.exists()


def test_no_page_carries_an_inline_script_or_style(reader: Client, admit: Admit, classify: Classify) -> None:
    case = admit(1)
    classify(case)
    pages = [reader.get(reverse("cases:list")), reader.get(page_of(case))]
    sign(reader, case, then="stay")
    for page in [*pages, reader.get(page_of(case))]:
        html = page.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", html)
