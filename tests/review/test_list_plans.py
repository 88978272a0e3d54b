"""How the databases read lists and searches: from the index of each, without a sort of more than one page.

The plans are those of an empty table, so on PostgreSQL the planner is told not to scan or sort it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import AuditEvent
from diagnostics.cases.list_indexes import CASE_INDEXES
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.selectors import lists
from diagnostics.keyset import OrderedRows, counted
from diagnostics.patients.models import Patient
from diagnostics.review.selectors import list_counts, queues, search_index, worklist
from diagnostics.review.worklist_query import Tab, WorklistQuery
from tests.review.case_list import LIST
from tests.review.conftest import Admit

VIEWS = {
    "": "open_by_due_at",
    "sort=received": "open_by_opened_at",
    "sort=-received": "open_by_opened_at",
    "sort=study": "open_by_study",
    "sort=-accession": "open_by_accession_number",
    "priority=urgent": "open_by_priority",
    "status=to-read": "open_by_due_at",
    "status=all": "case_by_time",
    "status=all&sort=accession": "case_by_accession",
    "status=all&sort=-study": "case_by_study",
}
API = {
    "": "case_by_time",
    "opened_at": "case_by_time",
    "priority": "case_by_priority",
    "-priority": "case_by_priority",
    "accession_number": "case_by_accession",
}


@pytest.fixture(autouse=True)
def scans_are_dear(db: None) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for method in ("seqscan", "sort", "bitmapscan"):
                cursor.execute(f"SET LOCAL enable_{method} = off")


@contextmanager
def plans() -> Iterator[Callable[[], list[str]]]:
    """Yield a function that returns the plan of every query of the block that lists cases."""
    with CaptureQueriesContext(connection) as captured:
        yield lambda: [plan_of(query["sql"]) for query in captured.captured_queries if _lists(query["sql"])]


def _lists(sql: str) -> bool:
    return 'FROM "cases_case"' in sql and not re.search(r"LIMIT 1\b", sql[-9:])


def plan_of(sql: str) -> str:
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def reads(plan: str, index: str) -> bool:
    """Return whether a plan reads an index in order, and nothing but it and single rows."""
    if connection.vendor == "postgresql":  # of two indexes in this order its statistics decide
        index = next((each.name for each in CASE_INDEXES if f" using {each.name} on" in plan), index)
    sorts = re.search(r"USE TEMP B-TREE|\bSort\b", plan)
    scans = re.search(r"SCAN (?!subquery)|Seq Scan on cases_case", plan)
    return index in plan and not sorts and not scans


def ordered_page(rows: OrderedRows, admitted: Case) -> list[str]:
    """Return the plans of a first page, a page after a case, one before it, and of the last one."""
    with plans() as found:
        rows.page(5)
        rows.page(5, after=admitted.pk)
        rows.page(5, before=admitted.pk)
        rows.page(5, is_last=True)
    return found()


@pytest.mark.parametrize(("params", "index"), VIEWS.items())
def test_each_view_is_read_from_its_index(
    params: str, index: str, admit: Admit, radiologist: User, now: datetime
) -> None:
    case = admit(1)
    query = worklist.resolved(
        WorklistQuery(**dict(each.split("=") for each in params.split("&") if each)), radiologist
    )
    if not query.status:
        query = query.but(status="")
    found = ordered_page(worklist.worklist(radiologist, query, now=now), case)
    assert found
    for plan in found:
        assert reads(plan, index), plan


@pytest.mark.parametrize(("ordering", "index"), API.items())
def test_the_api_list_is_read_from_its_index(
    ordering: str, index: str, admit: Admit, radiologist: User
) -> None:
    found = ordered_page(lists.case_list(radiologist, ordering=ordering), admit(1))
    assert found
    for plan in found:
        assert reads(plan, index), plan


def test_the_final_tab_is_read_from_its_index_where_it_holds_many(
    admit: Admit, radiologist: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnostics.keyset.MAX_COUNTED", 0)
    case = admit(1)
    Case.objects.update(finalized_at=now)
    rows = worklist.worklist(radiologist, WorklistQuery(status=Tab.FINAL), now=now)
    for plan in ordered_page(rows, case):
        assert reads(plan, "final_by_time"), plan


def test_the_next_case_is_read_from_an_index(admit: Admit, radiologist: User, now: datetime) -> None:
    admit(1)
    for cases, _reason in queues.clinical_groups(radiologist, now, triage_by_score=True):
        with plans() as found:
            cases.first(2)
        for plan in found():
            assert "open_by_" in plan, plan
            assert not re.search(r"SCAN |Seq Scan on cases_case", plan), plan


@pytest.mark.parametrize("tab", Tab)
def test_no_page_counts_more_than_a_limit_of_cases(
    tab: Tab, admit: Admit, reader: Client, radiologist: User
) -> None:
    admit(1)
    with CaptureQueriesContext(connection) as captured:
        assert reader.get(reverse(LIST), {"status": tab}).status_code == 200
        assert reader.get(reverse("cases:rows"), {"status": tab}).status_code == 200
    counts = [query["sql"] for query in captured.captured_queries if "COUNT(" in query["sql"]]
    counts = [sql for sql in counts if "review_reading" not in sql.split("WHERE")[0]]  # those of today
    assert counts
    assert [sql for sql in counts if "LIMIT 1001" not in sql] == []


def test_a_search_reads_the_trigram_index(admit: Admit, radiologist: User) -> None:
    admit(1)
    with CaptureQueriesContext(connection) as captured:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_bitmapscan = on")
            for column in ("accession_number", "patient_ref"):
                list(Case.objects.filter(**{f"{column}__icontains": "acc-1"}))
            list(Patient.objects.filter(name__icontains="acc-1"))
        else:
            sites = list(radiologist.sites.values_list("pk", flat=True))
            search_index.cases(sites, "acc-1", 10)
            search_index.patients(sites, "acc-1", 10)
    selects = [query["sql"] for query in captured.captured_queries if "acc-1" in query["sql"].lower()]
    assert selects
    for sql in selects:
        assert re.search(r"Bitmap Index Scan on search_|VIRTUAL TABLE INDEX", plan_of(sql)), plan_of(sql)


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (
            lambda now: Prediction.objects.filter(status="failed"),
            "cases_predi_status|failed_predictions",
        ),
        (lambda now: Prediction.with_expired_lease(now=now), "cases_predi_status"),
        (lambda now: AuditEvent.objects.filter(target_id="x", target_kind="case"), "audit_audit_target"),
    ],
)
def test_rows_that_select_cases_have_an_index(
    rows: Callable[[datetime], QuerySet[Any]], index: str, now: datetime
) -> None:
    with CaptureQueriesContext(connection) as captured:
        counted(rows(now))
    assert re.search(index, plan_of(captured.captured_queries[-1]["sql"]))


def test_signatures_of_today_are_read_by_reader_and_time(radiologist: User, now: datetime) -> None:
    with CaptureQueriesContext(connection) as captured:
        list_counts.signed_today(radiologist, now + timedelta(hours=1))
    plan = plan_of(captured.captured_queries[-1]["sql"])
    # With its statistics of many rows PostgreSQL takes the first, too.
    assert re.search("reading_by_reader" if connection.vendor == "sqlite" else "Index Scan", plan), plan
