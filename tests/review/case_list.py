"""Helpers of the tests of the list of cases."""

from __future__ import annotations

import re

from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case

LIST = "cases:list"


def page_of(user: User, **params: str) -> str:
    client = Client()
    client.force_login(user)
    return client.get(reverse(LIST), params).content.decode()


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def row_of(html: str, case: Case) -> str:
    """Return the text of the row of a case."""
    (row,) = re.findall(rf'<tr [^>]*data-row="{case.pk}".*?</tr>', html, re.DOTALL)
    return text_of(row)


def tabs_of(html: str) -> dict[str, int]:
    nav = re.search(r'<nav[^>]*data-part="tabs">(.*?)</nav>', html, re.DOTALL)
    assert nav
    found = re.findall(r"([A-Z][a-z ]+?) (\d+)", text_of(nav[1]))
    return {name: int(count) for name, count in found}
