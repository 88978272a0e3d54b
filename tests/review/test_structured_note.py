"""Structured notes: chosen on the reading page, stored with the reading, shown as a sentence."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.review import note_template
from diagnostics.review.errors import UnknownNote
from diagnostics.review.models import Reading
from diagnostics.review.services import readings
from tests.review.conftest import Admit

NOTE = {
    "opacity": ["consolidation", "ground-glass"],
    "laterality": "bilateral",
    "zones": ["lower", "middle"],
    "extent": "small",
}
SENTENCE = (
    "Ground-glass opacity and consolidation, bilateral, middle zone and lower zone, "
    "less than a third of the lungs."
)


def sign(case: Case, by: User, now: datetime, *, finding: str = "covid-19", **values: Any) -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, now=now, **values)


def test_a_structured_note_is_stored_with_the_reading_and_reads_as_a_sentence(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    reading = sign(admit(1), radiologist, now, structured=NOTE)

    stored = Reading.objects.get(pk=reading.pk)
    assert stored.structured == NOTE
    assert stored.structured_text == SENTENCE
    assert note_template.sentence({}) == ""


def test_a_reading_without_a_structured_note_has_no_sentence(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    assert sign(admit(1), radiologist, now).structured_text == ""


@pytest.mark.parametrize(
    ("finding", "note"),
    [
        ("covid-19", {"colour": "blue"}),
        ("covid-19", {"laterality": "upwards"}),
        ("covid-19", {"laterality": ["left"]}),
        ("covid-19", {"zones": "lower"}),
        ("covid-19", {"zones": []}),
        ("covid-19", {"zones": ["lower", "lower"]}),
        ("covid-19", {"zones": [["lower"]]}),
        ("covid-19", {"abnormality": ["effusion"]}),
        ("normal", {"laterality": "left"}),
        ("cannot-judge", {"zones": ["lower"]}),
    ],
)
def test_a_note_that_is_not_of_the_template_of_its_finding_is_refused(
    finding: str, note: dict[str, Any], radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)

    with pytest.raises(UnknownNote):
        sign(case, radiologist, now, finding=finding, structured=note)

    assert not Reading.objects.exists()


def test_choices_made_for_another_finding_are_left_out(reader: Client, admit: Admit) -> None:
    form = {
        "finding": "other",
        "confidence": "sure",
        "structured-opacity": ["reticular"],  # chosen before the finding was changed
        "structured-abnormality": ["effusion", "cardiomegaly"],
        "structured-laterality": "left",
    }
    response = reader.post(reverse("review:sign", args=[admit(1).pk]), form)

    assert response.status_code == 302
    reading = Reading.objects.get()
    assert reading.structured == {"abnormality": ["effusion", "cardiomegaly"], "laterality": "left"}
    assert reading.structured_text == "Pleural effusion and cardiomegaly, left."


def test_a_forged_choice_is_refused_with_a_sentence(reader: Client, admit: Admit) -> None:
    case = admit(1)
    form = {"finding": "covid-19", "confidence": "sure", "structured-laterality": "forged"}

    response = reader.post(reverse("review:sign", args=[case.pk]), form)

    assert response.status_code == 400
    assert "The structured note does not fit the finding" in response.content.decode()
    assert not Reading.objects.exists()


def test_no_choice_of_the_reading_page_is_preselected(reader: Client, admit: Admit) -> None:
    case = admit(1)
    reader.post(reverse("review:claim", args=[case.pk]))

    page = reader.get(reverse("review:case", args=[case.pk])).content.decode()

    assert page.count('name="structured-') == 24  # 4 + 6 + 3 + 3 + 3 + 5 choices
    assert not [part for part in page.split("<input")[1:] if "structured-" in part and "checked" in part]


def test_an_amendment_has_a_note_of_its_own_and_the_first_one_stays(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    first = sign(admit(1), radiologist, now, structured=NOTE)

    amended = readings.amend_reading(
        reading=first,
        by=radiologist,
        finding="other",
        confidence="sure",
        note="",
        structured={"abnormality": ["nodule"]},
        reason="Compared with the prior.",
        now=now,
    )

    assert (amended.structured_text, amended.supersedes) == ("Nodule or mass.", first)
    assert Reading.objects.get(pk=first.pk).structured == NOTE


def test_the_note_is_on_the_signed_page_the_case_page_and_in_the_exports(
    reader: Client, radiologist: User, administrator: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    sign(case, radiologist, now, structured=NOTE)

    pages = [reader.get(reverse(name, args=[case.pk])) for name in ("review:case", "cases:case")]
    exported = reader.post(reverse("review:export"), {"case": [str(case.pk)]})
    reader.force_login(administrator)
    first_readings = reader.get(reverse("review:readers-export"))

    assert [SENTENCE in page.content.decode() for page in pages] == [True, True]
    codes = "opacity=consolidation+ground-glass; laterality=bilateral; zones=lower+middle; extent=small"
    for table in (exported, first_readings):
        rows = list(csv.DictReader(io.StringIO(table.getvalue().decode())))
        assert [row["structured_note"] for row in rows] == [codes]


def test_the_api_takes_and_returns_a_structured_note(
    client: Client, radiologist: User, admit: Admit, now: datetime
) -> None:
    client.force_login(radiologist)
    url = reverse("api-readings", args=[admit(1).pk])
    body = {"finding": "covid-19", "confidence": "sure", "structured": NOTE}

    refused = client.post(url, body | {"structured": {"zones": "all"}}, content_type="application/json")
    signed = client.post(url, body, content_type="application/json")

    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_note")
    assert (signed.status_code, signed.json()["structured"]) == (201, NOTE)
    assert client.get(url).json()[0]["structured"] == NOTE
