"""The list of cases: tabs of each role, states, what each row shows to whom, and old addresses."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.jobs.models import JobStatus
from diagnostics.review.selectors import list_counts, worklist
from diagnostics.review.services import assignments, claims, readings
from diagnostics.review.worklist_query import Tab, WorklistQuery
from tests.review.case_list import LIST, page_of, row_of, tabs_of, text_of
from tests.review.conftest import Admit, Classify, Imported

EVERY_TAB = ["To read", "Mine", "Needs adjudication", "Final", "Failed", "Imported", "All"]


@pytest.mark.parametrize(
    ("role", "hidden"),
    [("radiologist", []), ("administrator", ["Mine"]), ("technician", ["Mine", "Needs adjudication"])],
)
def test_each_role_has_its_tabs(
    role: str, hidden: list[str], admit: Admit, request: pytest.FixtureRequest
) -> None:
    admit(1)
    user = request.getfixturevalue(role)
    html = page_of(user)
    assert list(tabs_of(html)) == [name for name in EVERY_TAB if name not in hidden]
    current = re.search(r'aria-current="page">\s*([A-Z][\w ]+?)\s*<', html[html.index('data-part="tabs"') :])
    assert current
    assert current[1] == ("All" if role == "technician" else "To read")
    for name in ("mine", "needs-adjudication"):
        assert page_of(user, status=name).count('aria-current="page"') >= 1


def test_each_tab_counts_and_lists_its_cases(
    radiologist: User,
    second_radiologist: User,
    admit: Admit,
    classify: Classify,
    imported: Imported,
    now: datetime,
) -> None:
    free, failed, assigned, theirs, final, withdrawn, withdrawn_later = (admit(number) for number in range(7))
    classify(failed, JobStatus.FAILED)
    assignments.assign(cases=[assigned], to=radiologist, by=second_radiologist, now=now)
    assignments.assign(cases=[theirs], to=second_radiologist, by=second_radiologist, now=now)
    for case in (final, withdrawn_later):
        readings.sign_reading(case=case, by=second_radiologist, finding="normal", now=now)
    Case.objects.filter(pk__in=[withdrawn.pk, withdrawn_later.pk]).update(withdrawn_at=now)
    public = imported(8)
    expected = {
        Tab.TO_READ: {free, failed, assigned},
        Tab.MINE: {assigned},
        Tab.NEEDS_ADJUDICATION: set(),
        Tab.FINAL: {final},
        Tab.FAILED: {failed},
        Tab.IMPORTED: {public},
        Tab.ALL: {free, failed, assigned, theirs, final, withdrawn, withdrawn_later, public},
    }
    found = {tab: set(worklist.worklist(radiologist, WorklistQuery(status=tab), now=now)) for tab in Tab}
    assert found == expected
    counts = list_counts.counts(radiologist, now)
    assert {tab: counts[tab] for tab in Tab} == {tab: len(cases) for tab, cases in expected.items()}
    assert "Withdrawn" in row_of(page_of(radiologist, status="all"), withdrawn)


def test_a_withdrawn_case_is_served_to_nobody(radiologist: User, admit: Admit, now: datetime) -> None:
    Case.objects.filter(pk=admit(1).pk).update(withdrawn_at=now)
    assert claims.claim_next(by=radiologist, now=now) is None


def test_a_case_assigned_or_claimed_is_mine(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    held, other = admit(1), admit(2)
    claims.claim(case=held, by=radiologist, now=now)
    claims.claim(case=other, by=second_radiologist, now=now)
    assert list(worklist.worklist(radiologist, WorklistQuery(status="mine"), now=now)) == [held]
    assert list(worklist.worklist(radiologist, WorklistQuery.of({"mine": "yes"}), now=now)) == [held]


def test_a_row_has_a_thumbnail_that_is_loaded_when_it_is_scrolled_into_view(
    technician: User, admit: Admit
) -> None:
    case = admit(1)
    (picture,) = re.findall(r"<img[^>]*>", page_of(technician), re.DOTALL)
    assert reverse("cases:thumbnail", args=[case.pk]) in picture
    assert 'loading="lazy"' in picture


@pytest.mark.parametrize(
    ("params", "column", "arrow", "direction"),
    [
        ({}, "Due", "up", "ascending"),
        ({"status": "all"}, "Received", "down", "descending"),
        ({"sort": "accession"}, "Accession", "up", "ascending"),
        ({"sort": "-study"}, "Study", "down", "descending"),
    ],
)
def test_the_column_that_orders_the_table_has_an_arrow(
    params: dict[str, str], column: str, arrow: str, direction: str, radiologist: User, admit: Admit
) -> None:
    admit(1)
    headings = re.findall(r"<th .*?</th>", page_of(radiologist, **params), re.DOTALL)
    sorted_by = [heading for heading in headings if "aria-sort" in heading]
    assert len(sorted_by) == 1
    assert column in text_of(sorted_by[0])
    assert f'aria-sort="{direction}"' in sorted_by[0]
    assert f"#{arrow}" in sorted_by[0]


@pytest.mark.parametrize("role", ["technician", "radiologist", "administrator"])
def test_the_old_address_of_the_worklist_leads_to_the_same_view(
    role: str, request: pytest.FixtureRequest
) -> None:
    client = Client()
    client.force_login(request.getfixturevalue(role))
    response = client.get("/review/?status=final&sort=-received&mine=yes")
    assert (response.status_code, response["Location"]) == (
        302,
        "/cases/?status=final&sort=-received&mine=yes",
    )


def test_one_case_is_written_in_the_singular(technician: User, admit: Admit) -> None:
    admit(1)
    assert "1 case " in text_of(page_of(technician))
    admit(2)
    assert "2 cases " in text_of(page_of(technician))


def test_a_technician_runs_ai_again_for_many_cases_and_does_nothing_else(
    client: Client, technician: User, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case, JobStatus.FAILED)
    client.force_login(technician)
    html = client.get(reverse(LIST)).content.decode()
    assert 'value="retry"' in html
    for word in ('value="stat"', 'value="assign"', 'value="end-claims"', reverse("review:export")):
        assert word not in html
    for action in ("stat", "assign", "end-claims"):
        response = client.post(reverse("review:bulk"), {"case": str(case.pk), "action": action}, follow=True)
        assert "Your role" in response.content.decode()
    case.refresh_from_db()
    assert case.priority == "routine"
    assert client.post(reverse("review:export"), {"case": str(case.pk)}).status_code == 403
