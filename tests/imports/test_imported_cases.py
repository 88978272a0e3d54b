"""Imported cases in the worklist, on reading pages and for predictions; their finding stays hidden."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import admission as cases
from diagnostics.cases.services import retry
from diagnostics.imports.models import ImportedLabel
from diagnostics.review.models import ReadingPolicy
from diagnostics.review.selectors import list_counts, queues, worklist
from diagnostics.review.services import claims, readings
from diagnostics.review.worklist_query import WorklistQuery
from tests.conftest import create_user
from tests.imports.conftest import SMALL, RunImport, Scan, logged_in
from tests.radiographs import radiograph_png


@pytest.fixture
def imported(collection: Path, scan: Scan, run_import: RunImport) -> Case:
    """Return a case whose imported finding is COVID-19."""
    run_import(scan(collection))
    return ImportedLabel.objects.get(file__path="covid/c.png").case


def test_imported_cases_are_neither_on_the_worklist_nor_served_next(
    imported: Case, technician: User, radiologist: User, now: datetime
) -> None:
    uploaded = cases.open_case(
        radiograph=radiograph_png(50, SMALL), patient_ref="P", by=technician, now=now
    ).case

    assert list(queues.readable_cases(radiologist, now)) == [uploaded]
    assert list(worklist.worklist(radiologist, now=now)) == [uploaded]
    counts = list_counts.counts(radiologist, now)
    assert (counts[""], counts["final"]) == (1, 0)
    claimed = claims.claim_next(by=radiologist, now=now)
    assert claimed is not None
    assert claimed.case == uploaded


def test_an_uploaded_case_stays_on_the_worklist_when_a_collection_contains_its_radiograph(
    collection: Path, scan: Scan, run_import: RunImport, technician: User, radiologist: User, now: datetime
) -> None:
    radiograph = (collection / "normal/a.png").read_bytes()
    uploaded = cases.open_case(radiograph=radiograph, patient_ref="P-1", by=technician, now=now).case
    run_import(scan(collection))

    assert list(queues.readable_cases(radiologist, now)) == [uploaded]


def test_a_radiologist_may_open_and_sign_an_imported_case(
    imported: Case, radiologist: User, now: datetime
) -> None:
    readings.sign_reading(case=imported, by=radiologist, finding="normal", now=now)

    assert list_counts.counts(radiologist, now)["final"] == 1
    assert list(worklist.worklist(radiologist, WorklistQuery(status="final"), now=now)) == [imported]


def test_an_imported_case_read_by_one_of_two_readers_is_readable_by_the_second(
    imported: Case, site: Site, radiologist: User, now: datetime
) -> None:
    ReadingPolicy.objects.create(site=site, double_read_percent=100)
    second = create_user("second", Role.RADIOLOGIST, site)

    readings.sign_reading(case=imported, by=radiologist, finding="normal", now=now)

    assert list(queues.readable_cases(second, now)) == [imported]
    assert list_counts.counts(second, now)[""] == 1


def test_no_page_shows_the_imported_finding_before_the_signature(imported: Case, radiologist: User) -> None:
    client = logged_in(radiologist)
    page = client.get(reverse("cases:case", args=[imported.pk])).content.decode()
    api = client.get(reverse("api-case", args=[imported.pk])).json()
    case_list = client.get(reverse("cases:list")).content.decode()

    # The reading page lists every finding as a choice, so it is compared with the page of another finding.
    other = ImportedLabel.objects.get(file__path="normal/a.png").case
    reading, second = (
        client.get(reverse("review:case", args=[case.pk])).content.decode() for case in (imported, other)
    )
    for text in (page, case_list, str(api)):
        assert "COVID" not in text
        assert "covid" not in text
    assert reading.count("COVID-19") == second.count("COVID-19")
    assert "trees" not in page


def test_the_case_page_shows_the_imported_finding_to_those_who_do_not_read(
    imported: Case, technician: User, administrator: User, radiologist: User, site: Site, now: datetime
) -> None:
    address = reverse("cases:case", args=[imported.pk])
    Site.objects.update(administrators_see_predictions=False)  # a rule on AI results, which an import has not
    for user in (technician, administrator):
        page = logged_in(user).get(address).content.decode()
        assert re.search(r"Imported finding</h2>\s*<p>\s*<b>COVID-19</b>", page)
        assert "from the collection" in page
        assert "after you have signed your own" not in page

    readings.sign_reading(case=imported, by=radiologist, finding="normal", now=now)
    page = logged_in(technician).get(address).content.decode()
    assert "Imported finding" not in page
    assert re.search(r"Final finding</h2>\s*<p>\s*<b>Normal</b>", page)


def test_the_page_of_an_imported_case_states_that_there_is_no_prediction(
    imported: Case, technician: User
) -> None:
    page = logged_in(technician).get(reverse("cases:case", args=[imported.pk])).content.decode()
    api = logged_in(technician).get(reverse("api-case", args=[imported.pk])).json()

    assert "AI has not been run on this radiograph." in page
    assert (api["status"], api["prediction"], api["failure"]) == (None, None, None)


def test_the_case_list_contains_imported_cases(imported: Case, technician: User) -> None:
    page = logged_in(technician).get(reverse("cases:list"))

    assert page.status_code == 200
    assert page.content.decode().count("rr-row-link") == 4


def test_a_prediction_can_be_requested_for_an_imported_case(
    imported: Case, active_version: object, technician: User, now: datetime
) -> None:
    page = logged_in(technician).get(reverse("cases:case", args=[imported.pk])).content.decode()
    assert "Run AI (v" in page

    retry.retry(case=imported, by=technician, now=now)

    assert Prediction.objects.get().case == imported
