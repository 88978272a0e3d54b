"""Search of cases: by identifier, name and study date, within the own sites, audited and in no address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Radiograph
from diagnostics.keyset import in_order
from diagnostics.patients.models import Patient
from diagnostics.review.selectors.case_search import search
from tests.review.case_list import LIST
from tests.review.conftest import Admit

ROWS = "cases:rows"
STUDY_UID = "1.2.840.113619.2.55.3.604688119"


@pytest.fixture
def case(admit: Admit, site: Site) -> Case:
    """Return a case with a name, an accession number and a study of 20 November 2026."""
    case = admit(17, patient="4711-431")
    Radiograph.objects.filter(case=case).update(
        study_at=datetime(2026, 11, 20, 11, 42, tzinfo=UTC), study_uid=STUDY_UID
    )
    Patient.objects.create(site=site, reference="4711-431", name="MÜLLER, Anna Maria", sex="F")
    return case


def found_cases(user: User, text: str) -> list[Case]:
    keys = search(user, text).keys
    return in_order(Case.objects.filter(pk__in=keys), keys)


def events() -> list[dict[str, Any]]:
    found = AuditEvent.objects.filter(action=Action.CASES_SEARCHED)
    return list(found.order_by("pk").values_list("detail", flat=True))


@pytest.mark.parametrize(
    "text",
    [
        *("4711-431", "711-4", "acc-17", "cc-1"),
        *("müller", "Müller", "anna", "MÜLLER, Anna", "anna müller", "üll"),
        *("2026-11-20", "20261120", "20.11.2026", "2026-11", STUDY_UID),
    ],
)
def test_a_case_is_found_by_identifier_name_and_study_date(
    text: str, case: Case, admit: Admit, radiologist: User
) -> None:
    admit(2)
    assert found_cases(radiologist, text) == [case]


def test_a_case_is_found_by_its_id(case: Case, admit: Admit, radiologist: User) -> None:
    admit(2)
    assert found_cases(radiologist, str(case.pk)) == [case]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "47",
        "anna schmidt",
        "2026-11-21",
        "2026-13",
        "2026-02-30",
        "0000-01",
        "9999-12",
        "%",
        "4711_431",
    ],
)
def test_other_texts_find_nothing(text: str, case: Case, radiologist: User) -> None:
    assert found_cases(radiologist, text) == []


def test_a_search_finds_nothing_of_another_site(
    case: Case, admit: Admit, site: Site, other_site: Site, stranger: User
) -> None:
    own = admit(3, at=other_site, patient="4711-431")  # the same reference, another person
    for text in ("müller", "2026-11-20", "acc-17", str(case.pk)):
        assert found_cases(stranger, text) == []
    assert found_cases(stranger, "4711-431") == [own]


@pytest.mark.parametrize("address", [LIST, ROWS])
def test_a_search_is_posted_and_audited_without_its_text(case: Case, reader: Client, address: str) -> None:
    for text in ("müller", "no such name"):
        response = reader.post(reverse(address), {"text": text})
        assert (f'data-row="{case.pk}"' in response.content.decode()) is (text == "müller")
    assert events() == [{"cases": 1, "filters": ["text"]}, {"cases": 0, "filters": ["text"]}]
    recorded = str(list(AuditEvent.objects.values()))
    assert "müller" not in recorded.lower()
    assert "no such name" not in recorded


def test_the_refresh_of_a_search_is_no_new_search(case: Case, reader: Client) -> None:
    reader.post(reverse(ROWS), {"text": "müller"}, headers={"HX-Request": "true"})
    assert events() == []


def test_the_address_takes_accession_numbers_of_bookmarks_only(case: Case, reader: Client) -> None:
    def found(**params: str) -> bool:
        return f'data-row="{case.pk}"' in reader.get(reverse(LIST), params).content.decode()

    assert found(q="acc-17")
    assert not found(q="4711-431")
    assert not found(q="müller")
    assert found(text="no such name")  # ignored: only a posted text is a search
    assert events()[0] == {"cases": 1, "filters": ["status", "q"]}


def test_the_page_of_a_search_without_scripts_lists_the_newest_and_says_how_many_match(
    admit: Admit, reader: Client
) -> None:
    for number in range(60):
        admit(number, patient=f"SAME-{number:03}")
    html = reader.post(reverse(LIST), {"text": "same-0"}).content.decode()
    assert html.count("data-row=") == 50
    assert "60 cases match; the newest 50 are shown." in html
    assert "?page=" not in html
