"""What radiologists and the machine meet of an imported case: the radiograph, and not its finding."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import admission as cases
from diagnostics.cases.services import retry
from diagnostics.imports.models import ImportedLabel
from diagnostics.review.models import ReadingPolicy
from diagnostics.review.selectors import queues, worklist
from diagnostics.review.services import claiming, readings
from diagnostics.review.worklist_query import WorklistQuery
from tests.conftest import employ
from tests.imports.conftest import SMALL, LookAt, Run
from tests.radiographs import radiograph_png


@pytest.fixture
def imported(collection: Path, look_at: LookAt, run: Run) -> Case:
    """Give a case that came in with COVID-19."""
    run(look_at(collection))
    return ImportedLabel.objects.get(file__path="covid/c.png").case


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_imported_cases_stay_out_of_the_worklist_and_of_next(
    imported: Case, technician: User, radiologist: User, now: datetime
) -> None:
    own = cases.open_case(radiograph=radiograph_png(50, SMALL), patient_ref="P", by=technician, now=now).case

    assert list(queues.readable_cases(radiologist, now)) == [own]
    assert list(worklist.worklist(radiologist, now=now)) == [own]
    counts = worklist.counts(radiologist, now)
    assert (counts[""], counts["final"]) == (1, 0)
    taken = claiming.claim_next(by=radiologist, now=now)
    assert taken is not None
    assert taken.case == own


def test_an_uploaded_radiograph_that_a_collection_holds_too_is_still_read(
    collection: Path, look_at: LookAt, run: Run, technician: User, radiologist: User, now: datetime
) -> None:
    radiograph = (collection / "normal/a.png").read_bytes()
    own = cases.open_case(radiograph=radiograph, patient_ref="P-1", by=technician, now=now).case
    run(look_at(collection))

    assert list(queues.readable_cases(radiologist, now)) == [own]


def test_a_radiologist_may_open_and_sign_an_imported_case(
    imported: Case, radiologist: User, now: datetime
) -> None:
    readings.sign_reading(case=imported, by=radiologist, finding="normal", now=now)

    assert worklist.counts(radiologist, now)["final"] == 1
    assert list(worklist.worklist(radiologist, WorklistQuery(status="final"), now=now)) == [imported]


def test_an_imported_case_that_one_of_two_readers_has_read_waits_for_the_other(
    imported: Case, site: Site, radiologist: User, now: datetime
) -> None:
    ReadingPolicy.objects.create(site=site, double_read_percent=100)
    second = employ("second", Role.RADIOLOGIST, site)

    readings.sign_reading(case=imported, by=radiologist, finding="normal", now=now)

    assert list(queues.readable_cases(second, now)) == [imported]
    assert worklist.counts(second, now)[""] == 1


def test_before_the_signature_no_page_holds_the_imported_finding(imported: Case, radiologist: User) -> None:
    client = logged_in(radiologist)
    page = client.get(reverse("cases:case", args=[imported.pk])).content.decode()
    api = client.get(reverse("api-case", args=[imported.pk])).json()
    listed = client.get(reverse("cases:list")).content.decode()

    # The reading page offers every finding to choose from, so it is compared with one of another finding.
    other = ImportedLabel.objects.get(file__path="normal/a.png").case
    reading, second = (
        client.get(reverse("review:case", args=[case.pk])).content.decode() for case in (imported, other)
    )
    for text in (page, listed, str(api)):
        assert "COVID" not in text
        assert "covid" not in text
    assert reading.count("COVID-19") == second.count("COVID-19")
    assert "trees" not in page


def test_the_page_of_an_imported_case_says_that_the_machine_was_not_asked(
    imported: Case, technician: User
) -> None:
    page = logged_in(technician).get(reverse("cases:case", args=[imported.pk])).content.decode()
    api = logged_in(technician).get(reverse("api-case", args=[imported.pk])).json()

    assert "The machine has not been asked about this radiograph." in page
    assert (api["status"], api["prediction"], api["failure"]) == (None, None, None)


def test_the_list_of_cases_holds_imported_ones(imported: Case, technician: User) -> None:
    page = logged_in(technician).get(reverse("cases:list"))

    assert page.status_code == 200
    assert page.content.decode().count("rr-row-link") == 4


def test_the_machine_may_be_asked_about_an_imported_case(
    imported: Case, active_version: object, technician: User, now: datetime
) -> None:
    page = logged_in(technician).get(reverse("cases:case", args=[imported.pk])).content.decode()
    assert "now in force" in page

    retry.retry(case=imported, by=technician, now=now)

    assert Prediction.objects.get().case == imported
