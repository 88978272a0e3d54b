"""Visibility and order of cases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.cases import selectors
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.cases.selectors import lists
from diagnostics.jobs.models import JobStatus
from diagnostics.keyset import OrderedRows
from diagnostics.registry.models import ModelVersion
from tests.conftest import create_user

MINUTE = timedelta(minutes=1)
AddCase = Callable[..., Case]


@pytest.fixture
def add_case(technician: User, site: Site, now: datetime) -> AddCase:
    """Return a function that creates a case without files, with one prediction for each status."""
    names = iter(range(1000))

    def add(*statuses: JobStatus, at: Site = site, opened_at: datetime = now, **columns: object) -> Case:
        case = Case.objects.create(
            site=at, opened_by=technician, opened_at=opened_at, **({"patient_ref": "P-1"} | columns)
        )
        Radiograph.objects.create(
            case=case,
            site=at,
            pixel_sha256=str(next(names)),
            width=64,
            height=64,
            bits=8,
            source_format="PNG",
        )
        for age, status in enumerate(statuses):
            Prediction.objects.create(case=case, status=status, queued_at=opened_at + age * MINUTE)
        return case

    return add


def test_staff_see_the_cases_of_their_site_and_no_other(
    add_case: AddCase, other_site: Site, technician: User, radiologist: User, stranger: User
):
    here, there = add_case(), add_case(at=other_site)

    assert set(selectors.visible_to(technician)) == set(selectors.visible_to(radiologist)) == {here}
    assert set(selectors.visible_to(stranger)) == {there}


def test_an_administrator_sees_the_cases_of_the_own_sites_only(
    add_case: AddCase, other_site: Site, administrator: User
):
    here = add_case()
    add_case(at=other_site)

    assert administrator.is_superuser
    assert set(selectors.visible_to(administrator)) == {here}


def test_a_user_of_two_sites_sees_each_case_once(add_case: AddCase, site: Site, other_site: Site):
    both = create_user("both", Role.RADIOLOGIST, site, other_site)
    cases = {add_case(), add_case(at=other_site)}

    assert selectors.visible_to(both).count() == 2
    assert set(selectors.visible_to(both)) == cases


def test_a_user_without_a_site_and_an_inactive_user_see_no_case(add_case: AddCase, technician: User):
    add_case()
    technician.is_active = False

    assert not selectors.visible_to(technician)
    assert not selectors.visible_to(create_user("nowhere", Role.ADMINISTRATOR))


def cases_of(rows: OrderedRows) -> list[Case]:
    """Return the cases of the first page of a list."""
    page = rows.page(50)
    assert page is not None
    return lists.cases_of_page(page.keys)


def test_the_prediction_status_is_that_of_the_latest_prediction(add_case: AddCase, technician: User):
    add_case(JobStatus.DONE, accession_number="1")
    add_case(JobStatus.FAILED, JobStatus.DONE, accession_number="2")
    add_case(JobStatus.DONE, JobStatus.QUEUED, accession_number="3")
    add_case(accession_number="4")

    found = cases_of(lists.case_list(technician, ordering="accession_number"))

    assert [vars(case)["prediction_status"] for case in found] == ["done", "done", "queued", None]


def test_the_list_is_filtered_by_the_status_of_the_latest_prediction(add_case: AddCase, technician: User):
    add_case(JobStatus.DONE)
    failed_once = add_case(JobStatus.FAILED, JobStatus.DONE)
    failed = add_case(JobStatus.DONE, JobStatus.FAILED)

    assert list(lists.case_list(technician, status="failed")) == [failed]
    assert failed_once in lists.case_list(technician, status="done")


def test_every_status_is_counted(add_case: AddCase, other_site: Site, technician: User):
    add_case(JobStatus.DONE)
    add_case(JobStatus.FAILED, JobStatus.DONE)
    add_case(JobStatus.RUNNING)
    add_case(JobStatus.FAILED, at=other_site)

    assert selectors.counts_by_status(technician) == {"queued": 0, "running": 1, "done": 2, "failed": 0}


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("", ["new", "middle", "old"]),
        ("-opened_at", ["new", "middle", "old"]),
        ("opened_at", ["old", "middle", "new"]),
        ("priority", ["middle", "old", "new"]),
        ("accession_number", ["middle", "new", "old"]),
        ("patient_ref", ["new", "middle", "old"]),  # no order by patients: it would be part of a URL
        ("opened_by__password", ["new", "middle", "old"]),
    ],
)
def test_the_list_is_ordered_only_by_allowed_columns(
    ordering: str, expected: list[str], add_case: AddCase, technician: User, now: datetime
):
    add_case(opened_at=now, accession_number="old", patient_ref="P-1")
    add_case(opened_at=now + MINUTE, accession_number="middle", priority_rank=0, patient_ref="P-3")
    add_case(opened_at=now + 2 * MINUTE, accession_number="new", patient_ref="P-2")

    found = lists.case_list(technician, ordering=ordering)

    assert [case.accession_number for case in found] == expected


def test_a_longer_list_needs_no_more_queries(
    add_case: AddCase,
    technician: User,
    version: ModelVersion,
    django_assert_num_queries: DjangoAssertNumQueries,
):
    for _ in range(5):
        add_case(JobStatus.DONE)
    Prediction.objects.update(version=version)

    # Sites twice, ids of the page, cases with radiographs, predictions with versions, RT-PCR.
    with django_assert_num_queries(6):
        for case in cases_of(lists.case_list(technician)):
            latest = selectors.latest_prediction(case)
            assert latest is not None
            assert str(latest.version) == "v1"
            assert selectors.latest_done_prediction(case) == latest
            assert case.radiograph.width == 64


def test_the_latest_done_prediction_is_the_newest_finished_one(add_case: AddCase):
    case = add_case(JobStatus.FAILED, JobStatus.DONE, JobStatus.RUNNING)

    statuses = list(case.predictions.order_by("queued_at"))
    assert selectors.latest_prediction(case) == statuses[2]
    assert selectors.latest_done_prediction(case) == statuses[1]
    assert selectors.latest_done_prediction(add_case(JobStatus.FAILED)) is None
