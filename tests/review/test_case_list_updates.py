"""Updates of the list of cases: 304 while nothing changed, and another row version for each change."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.audit.models import AuditEvent
from diagnostics.cases.models import Case, Priority
from diagnostics.cases.services.priority import set_priority
from diagnostics.jobs.models import JobStatus
from diagnostics.review.services import assignments, claims, readings
from tests.review.case_list import LIST
from tests.review.conftest import Admit, Classify

ROWS = "cases:rows"
Change = Callable[[Case, User], object]
CHANGES: dict[str, Change] = {
    "priority": lambda case, by: set_priority(
        cases=[case], priority=Priority.URGENT, by=by, now=timezone.now()
    ),
    "assignment": lambda case, by: assignments.assign(cases=[case], to=by, by=by, now=timezone.now()),
    "claim": lambda case, by: claims.claim(case=case, by=by, now=timezone.now()),
    "signature": lambda case, by: readings.sign_reading(
        case=case, by=by, finding="normal", now=timezone.now()
    ),
    "AI started": lambda case, by: case.predictions.update(status=JobStatus.RUNNING),
    "AI failed": lambda case, by: case.predictions.update(status=JobStatus.FAILED),
    "withdrawal": lambda case, by: Case.objects.filter(pk=case.pk).update(withdrawn_at=timezone.now()),
}


@pytest.fixture
def case(admit: Admit, classify: Classify) -> Case:
    case = admit(1)
    classify(case, JobStatus.QUEUED)
    later = timezone.now() + timedelta(days=30)  # no text about its due time changes during the test
    Case.objects.filter(pk=case.pk).update(due_at=later, opened_at=timezone.now())
    case.refresh_from_db()
    return case


def versions(html: str) -> dict[str, str]:
    return dict(re.findall(r'data-row="([^"]+)" data-version="([^"]+)"', html))


def test_an_unchanged_list_is_304_without_a_body_and_the_page_knows_its_version(
    case: Case, reader: Client
) -> None:
    page = reader.get(reverse(LIST), {"status": "all"})
    known = re.search(r'data-etag="(&quot;\w+&quot;)"', page.content.decode())
    assert known
    etag = known[1].replace("&quot;", '"')

    unchanged = reader.get(reverse(ROWS), {"status": "all"}, headers={"If-None-Match": etag})

    assert (unchanged.status_code, unchanged.content, unchanged["ETag"]) == (304, b"", etag)
    other_tab = reader.get(reverse(ROWS), {"status": "final"}, headers={"If-None-Match": etag})
    assert other_tab.status_code == 200


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_of_a_case_is_another_version_of_its_row_and_of_no_other(
    change: str, case: Case, admit: Admit, reader: Client, second_radiologist: User
) -> None:
    other = admit(2)
    Case.objects.filter(pk=other.pk).update(due_at=timezone.now() + timedelta(days=30))
    before = reader.get(reverse(ROWS), {"status": "all"})

    CHANGES[change](case, second_radiologist)

    after = reader.get(reverse(ROWS), {"status": "all"}, headers={"If-None-Match": before["ETag"]})
    assert after.status_code == 200
    old, new = versions(before.content.decode()), versions(after.content.decode())
    assert old[str(case.pk)] != new[str(case.pk)]
    assert old[str(other.pk)] == new[str(other.pk)]


def test_a_new_case_changes_the_list_and_its_counts(case: Case, admit: Admit, reader: Client) -> None:
    before = reader.get(reverse(ROWS), {"status": "all"})
    admit(3)
    after = reader.get(reverse(ROWS), {"status": "all"}, headers={"If-None-Match": before["ETag"]})
    assert after.status_code == 200
    assert len(versions(after.content.decode())) == 2
    assert "2 cases" in after.content.decode()


def test_an_update_is_not_audited(case: Case, reader: Client) -> None:
    recorded = AuditEvent.objects.count()
    reader.get(reverse(ROWS), headers={"HX-Request": "true"})
    assert AuditEvent.objects.count() == recorded


def test_the_updates_show_nothing_of_another_site(case: Case, client: Client, stranger: User) -> None:
    client.force_login(stranger)
    html = client.get(reverse(ROWS), {"status": "all"}).content.decode()
    assert str(case.pk) not in html
    assert str(case.pk) not in client.post(reverse(ROWS), {"text": case.patient_ref}).content.decode()


@pytest.mark.parametrize("address", [LIST, ROWS])
@pytest.mark.parametrize("tab", ["all", "to-read"])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    address: str, tab: str, admit: Admit, classify: Classify, reader: Client, second_radiologist: User
) -> None:
    def fill(numbers: range) -> None:
        for number in numbers:
            for case in (admit(number), admit(number + 100)):
                classify(case)
            readings.sign_reading(case=case, by=second_radiologist, finding="normal", now=timezone.now())

    fill(range(1))
    reader.get(reverse(address), {"status": tab})  # the first request also stores the start of the session
    with CaptureQueriesContext(connection) as few:
        reader.get(reverse(address), {"status": tab})
    fill(range(1, 8))
    with CaptureQueriesContext(connection) as many:
        reader.get(reverse(address), {"status": tab})
    assert len(many) == len(few) <= 36
