"""The worklist: order, filters, assignments and due times."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Priority
from diagnostics.cases.services.priority import set_priority
from diagnostics.errors import NotAllowed
from diagnostics.review.errors import UnknownReader
from diagnostics.review.models import Assignment
from diagnostics.review.presenters.worklist import due_time
from diagnostics.review.selectors import worklist
from diagnostics.review.services import assignments, claims, readings
from diagnostics.review.worklist_query import ORDERS, WorklistQuery, WorklistState
from tests.review.conftest import Admit, Classify

WORKLIST = "review:worklist"


def listed(user: User, now: datetime, **params: str) -> list[str]:
    return [case.accession_number for case in worklist.worklist(user, WorklistQuery.of(params), now=now)]


def test_cases_are_listed_by_due_time_stat_first(radiologist: User, admit: Admit, now: datetime) -> None:
    """Routine is due after four hours, urgent after one; the cases were opened two hours ago."""
    urgent, routine = admit(1, priority=Priority.URGENT), admit(2)
    old, stat = (
        admit(-121),
        admit(9, priority=Priority.STAT),
    )  # routine, opened four hours ago, due a minute ago
    assert listed(radiologist, now) == [case.accession_number for case in (stat, urgent, old, routine)]
    later = now + timedelta(minutes=30)
    fresh = admit(150, priority=Priority.URGENT)  # urgent, but due after the old one
    order = [case.accession_number for case in (stat, urgent, old, fresh, routine)]
    assert listed(radiologist, later) == order


@pytest.mark.parametrize("sort", list(ORDERS))
def test_stat_comes_first_in_every_order(sort: str, radiologist: User, admit: Admit, now: datetime) -> None:
    for number in (5, 3, 8):
        admit(number)
    admit(6, priority=Priority.STAT)
    found = listed(radiologist, now, sort=sort)
    assert found[0] == "ACC-6"
    if sort in {"accession", "-accession"}:
        expected = ["ACC-3", "ACC-5", "ACC-8"]
        assert found[1:] == (expected if sort == "accession" else expected[::-1])


def test_filters_select_cases_and_unknown_values_are_ignored(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    admit(1), admit(2, priority=Priority.URGENT), admit(3)
    assert listed(radiologist, now, priority="urgent") == ["ACC-2"]
    assert listed(radiologist, now, q="acc-3") == ["ACC-3"]
    assert listed(radiologist, now, view="AP") == []
    assert len(listed(radiologist, now, view="PA", sort="; DROP", status="gone", priority="x")) == 3
    assert WorklistQuery.of({"sort": "; DROP", "q": "a\x00b", "mine": "no"}).query == ""


def test_the_ai_result_neither_hides_nor_reorders_cases(
    radiologist: User, admit: Admit, classify: Classify, now: datetime
) -> None:
    first, second = admit(1), admit(2)
    classify(second)
    assert listed(radiologist, now) == [first.accession_number, second.accession_number]


def test_an_assigned_case_is_served_to_its_reader_only(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    handed, free = admit(1), admit(2)
    assignments.assign(cases=[handed], to=second_radiologist, by=radiologist, now=now)
    mine, theirs = (claims.claim_next(by=user, now=now) for user in (radiologist, second_radiologist))
    assert mine is not None
    assert theirs is not None
    assert (mine.case, theirs.case) == (free, handed)
    assert listed(second_radiologist, now, mine="yes") == ["ACC-1"]
    assert len(listed(radiologist, now)) == 2


def test_a_case_cannot_be_assigned_to_a_reader_of_another_site(
    administrator: User, stranger: User, technician: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    for wrong in (stranger, technician):
        with pytest.raises(UnknownReader):
            assignments.assign(cases=[case], to=wrong, by=administrator, now=now)
    assert not Assignment.objects.exists()


def test_a_technician_cannot_assign_or_prioritize(technician: User, admit: Admit, now: datetime) -> None:
    case = admit(1)
    with pytest.raises(NotAllowed):
        assignments.assign(cases=[case], to=None, by=technician, now=now)
    with pytest.raises(NotAllowed):
        set_priority(cases=[case], priority=Priority.STAT, by=technician, now=now)


def test_an_administrator_ends_the_claim_of_a_reader(
    administrator: User, radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claims.claim(case=case, by=radiologist, now=now)
    with pytest.raises(NotAllowed):
        claims.end_claims(cases=[case], by=second_radiologist, now=now)
    assert claims.end_claims(cases=[case], by=administrator, now=now) == 1
    taken = claims.claim_next(by=second_radiologist, now=now)
    assert taken is not None
    assert taken.case == case
    assert AuditEvent.objects.filter(action=Action.CLAIM_ENDED).count() == 1


def test_a_changed_priority_changes_the_due_time(
    radiologist: User, stranger: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    assert set_priority(cases=[case], priority=Priority.STAT, by=stranger, now=now) == 0
    assert set_priority(cases=[case], priority=Priority.STAT, by=radiologist, now=now) == 1
    case.refresh_from_db()
    due = case.opened_at + timedelta(minutes=30)  # the default of a site
    assert (case.priority, case.priority_rank, case.stat_rank, case.due_at) == ("stat", 0, 0, due)
    assert set_priority(cases=[case], priority=Priority.STAT, by=radiologist, now=now) == 0


def test_an_administrator_sees_the_worklist_without_reading_buttons(
    client: Client, administrator: User, admit: Admit
) -> None:
    case = admit(1)
    client.force_login(administrator)
    page = client.get(reverse(WORKLIST)).content.decode()
    assert "Read next case" not in page
    assert reverse("cases:case", args=[case.pk]) in page
    assert reverse("review:case", args=[case.pk]) not in page
    assert "End claims" in page


def test_the_number_of_queries_is_the_same_for_one_and_thirty_cases(
    reader: Client, admit: Admit, django_assert_max_num_queries: object
) -> None:
    admit(1)
    # One of them, the check of the demanded second factor, runs once a minute in each session.
    with django_assert_max_num_queries(27) as one:  # type: ignore[operator]
        reader.get(reverse(WORKLIST))
    for number in range(2, 31):
        admit(number)
    with django_assert_max_num_queries(len(one)):  # type: ignore[operator]
        reader.get(reverse(WORKLIST))


@pytest.mark.parametrize(("shown", "finding"), [(True, "covid-19"), (False, None)])
def test_technicians_see_ai_results_before_the_reading_as_the_site_allows(
    shown: bool,
    finding: str | None,
    client: Client,
    technician: User,
    radiologist: User,
    site: Site,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    Site.objects.update(technicians_see_predictions=shown)
    case = admit(1)
    classify(case)
    client.force_login(technician)
    address = reverse("api-case", args=[case.pk])
    prediction = client.get(address).json()["prediction"]
    assert (prediction and prediction["finding"]) == finding
    assert ("0.83" in client.get(reverse("cases:list")).content.decode()) is shown
    readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    assert client.get(address).json()["prediction"]["finding"] == "covid-19"


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(17, "in 17 min"), (60, "in 1 h"), (-59, "59 min late"), (-333, "5 h late"), (2880, "in 2 days")],
)
def test_a_due_time_is_shown_in_one_unit(minutes: int, text: str, now: datetime) -> None:
    assert due_time(now + timedelta(minutes=minutes), now).text == text


def test_every_state_has_a_filter_link(reader: Client, admit: Admit) -> None:
    admit(1)
    page = re.sub(r"\s+", " ", reader.get(reverse(WORKLIST)).content.decode())
    for state in WorklistState:
        assert f'href="?status={state.value}"' in page
