"""Every result of a version that was promoted in spite of the gate says so."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Reading
from diagnostics.review.services.consensus import update_consensus
from tests.cases.conftest import Login, SendRadiograph, send_radiograph
from tests.cases.predictions import finish_prediction

__all__ = ["send_radiograph"]
MARK = "Promoted in spite of the gate"


@pytest.fixture
def case(active: ModelVersion, send_radiograph: SendRadiograph, radiologist: User, now: datetime) -> Case:
    """Return a final case with an AI result of the active version."""
    case = send_radiograph()
    finish_prediction(case, active)
    at = now + timedelta(minutes=5)
    Reading.objects.create(case=case, by=radiologist, finding="normal", signed_at=at)
    update_consensus(case, at)
    return case


def pages(case: Case, version: ModelVersion) -> dict[str, str]:
    """Return the addresses that show a result of the version, or the version."""
    of_case = ("cases:case", "reports:page", "review:case", "training:lineage")
    addresses = {name: reverse(name, args=[case.pk]) for name in of_case}
    addresses |= {name: reverse(name, args=[version.pk]) for name in ("registry:version",)}
    return addresses | {
        "registry:versions": reverse("registry:versions"),
        "cases:list": f"{reverse('cases:list')}?status=all",
    }


def marked_pages(case: Case, version: ModelVersion, reader: Client, administrator: Client) -> set[str]:
    """Return the names of the pages with the mark, each as a role that may open it."""
    found = set()
    for name, address in pages(case, version).items():
        client = reader if name in ("review:case", "cases:list", "reports:page") else administrator
        if MARK in client.get(address).content.decode():
            found.add(name)
    return found


def pdf_text(content: bytes) -> str:
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def test_each_page_report_and_response_is_marked_and_none_without_an_override(
    case: Case, active: ModelVersion, radiologist: User, administrator: User, api_client: Login, now: datetime
) -> None:
    reader, admin = Client(), Client()
    reader.force_login(radiologist)
    admin.force_login(administrator)
    api = api_client(administrator)
    responses: dict[str, Callable[[], bool]] = {
        "report": lambda: MARK in pdf_text(reader.get(reverse("reports:pdf", args=[case.pk])).content),
        "evidence": lambda: (
            MARK in pdf_text(api.get(reverse("api-case-evidence-pdf", args=[case.pk])).content)
        ),
        "evidence as JSON": lambda: bool(
            api.get(reverse("api-case-evidence", args=[case.pk])).json()["ai_results"][0]["version"][
                "gate_overridden_at"
            ]
        ),
        "case": lambda: api.get(reverse("api-case", args=[case.pk])).json()["prediction"]["gate_overridden"],
        "lineage": lambda: (
            "true"
            in json.dumps(
                api.get(reverse("api-case-lineage", args=[case.pk])).json()["predictions"][0]["version"]
            )
        ),
        "version": lambda: api.get(reverse("api-version", args=[active.pk])).json()["gate_overridden"],
    }
    assert marked_pages(case, active, reader, admin) == set()
    assert [name for name, is_marked in responses.items() if is_marked()] == []

    ModelVersion.objects.filter(pk=active.pk).update(overridden_at=now)

    assert marked_pages(case, active, reader, admin) == set(pages(case, active))
    assert [name for name, is_marked in responses.items() if is_marked()] == list(responses)
