"""Nothing clinical is preselected: an untouched form submits nothing clinical, and is refused."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, PcrResult
from diagnostics.review.models import Reading, ReferenceCase
from tests.review.conftest import Admit
from tests.review.pages import claim, page_of, sign


class UntouchedForms(HTMLParser):
    """Collects what a browser submits from the radio buttons and selects of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.submitted: dict[str, str] = {}  # a select submits its first option unless another is selected
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and (self._select not in self.submitted or "selected" in given):
            self.submitted[self._select] = value
        elif tag == "input" and given.get("type") == "radio":
            self.submitted.setdefault(name, "")
            if "checked" in given:
                self.submitted[name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""


def untouched(client: Client, address: str) -> dict[str, str]:
    return submitted(client.get(address).content.decode())


def submitted(html: str) -> dict[str, str]:
    """Return what an untouched form submits, without the structured note, which is always optional."""
    values = UntouchedForms(html).submitted
    return {
        name: value for name, value in values.items() if not (name.startswith("structured-") and not value)
    }


@pytest.fixture
def final(admit: Admit, reader: Client) -> Case:
    case = admit(1)
    sign(reader, case, then="stay", finding="pneumonia")
    return case


def test_the_reading_form_has_neither_a_finding_nor_a_confidence(
    reader: Client, radiologist: User, admit: Admit
) -> None:
    case = admit(1)
    claim(case, radiologist)
    assert untouched(reader, page_of(case)) == {"finding": "", "confidence": ""}
    response = sign(reader, case, confidence="")
    assert response.status_code == 400
    html = response.content.decode()
    assert "Please choose how sure you are." in html
    assert submitted(html) == {"finding": "normal", "confidence": ""}  # the reader's own choice
    assert not Reading.objects.exists()


def test_the_form_that_changes_a_reading_has_neither_a_finding_nor_a_confidence(
    reader: Client, final: Case
) -> None:
    assert untouched(reader, page_of(final)) == {"finding": "", "confidence": ""}


def test_the_api_requires_a_confidence(reader: Client, admit: Admit) -> None:
    address = reverse("api-readings", args=[admit(1).pk])
    response = reader.post(address, {"finding": "normal"}, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert not Reading.objects.exists()


def test_the_rt_pcr_form_has_no_result(client: Client, technician: User, final: Case) -> None:
    client.force_login(technician)
    address = reverse("cases:case", args=[final.pk])
    assert untouched(client, address)["result"] == ""
    refused = client.post(reverse("cases:pcr", args=[final.pk]), {"result": ""}, follow=True)
    assert "Please choose a result" in refused.content.decode()
    assert not PcrResult.objects.exists()


def test_the_reference_standard_has_neither_a_finding_nor_a_basis(
    client: Client, administrator: User, final: Case
) -> None:
    client.force_login(administrator)
    address = reverse("review:reference-case", args=[final.pk])
    assert untouched(client, address) == {"finding": "", "basis": ""}
    response = client.post(address, {"finding": "", "basis": ""})
    assert response.status_code == 400
    html = response.content.decode()
    assert "Please choose the reference finding." in html
    assert "Please choose how the finding is known." in html
    assert not ReferenceCase.objects.exists()
