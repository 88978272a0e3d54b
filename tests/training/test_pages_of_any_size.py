"""Pages with figures: as many queries for few cases as for many, and none that reads a whole table."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.findings import Finding
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import AssistedReading, ChangedCase, Consensus, Reading
from diagnostics.review.services import kept_figures
from tests.conftest import create_user

PAGES: Final = ("/", "/training/", "/review/readers/", "/models/", "/status/", "/monitoring/")
LINEAR: Final = ("/",)  # reads the turnaround of each case that became final in 30 days
LARGE: Final = frozenset(
    f"{app}_{table}"
    for app, tables in {
        "cases": ("case", "radiograph", "prediction"),
        "review": ("reading", "consensus", "assistedreading", "claim", "casefigures"),
        "imports": ("importedlabel", "importedfile"),
        "audit": ("auditevent",),
    }.items()
    for table in tables
)
READ_WHOLE: Final = re.compile(r"^SCAN (\w+)")

Fill = Callable[[int], None]


@pytest.fixture
def fill(site: Site, radiologist: User) -> Fill:
    """Return a function that adds final cases with two readings and an assisted one."""
    second_reader = create_user("second", Role.RADIOLOGIST, site)

    def fill(number: int) -> None:
        now, findings = timezone.now(), list(Finding.values)
        times = [now - timedelta(hours=each) for each in range(number)]
        cases = [
            Case(site=site, patient_ref=f"P-{each}", opened_by=radiologist, opened_at=at, finalized_at=at)
            for each, at in enumerate(times)
        ]
        Case.objects.bulk_create(cases)
        Radiograph.objects.bulk_create(
            Radiograph(case=case, site=site, pixel_sha256=case.pk.hex, width=9, height=9, bits=8)
            for case in cases
        )
        predictions = [
            Prediction(case=case, status="done", queued_at=case.opened_at, finished_at=case.opened_at)
            for case in cases
        ]
        Prediction.objects.bulk_create(predictions)
        readings = [
            Reading(case=case, by=by, finding=findings[each % 5], signed_at=case.opened_at)
            for each, case in enumerate(cases)
            for by in (radiologist, second_reader)
        ]
        Reading.objects.bulk_create(readings)
        Consensus.objects.bulk_create(
            Consensus(case=case, readers_needed=2, status="final", finding=findings[each % 5])
            for each, case in enumerate(cases)
        )
        AssistedReading.objects.bulk_create(
            AssistedReading(reading=reading, prediction=prediction, finding="normal", at=now)
            for reading, prediction in zip(readings[::2], predictions, strict=True)
        )
        while kept_figures.recount_changed():
            pass

    return fill


@pytest.mark.parametrize("page", PAGES)
def test_a_page_makes_as_many_queries_for_200_cases_as_for_10(
    page: str, client: Client, fill: Fill, administrator: User, active_version: ModelVersion
) -> None:
    client.force_login(administrator)
    fill(10)
    few = _queries(client, page)

    fill(190)

    assert len(_queries(client, page)) == len(few)


@pytest.mark.parametrize("page", PAGES)
def test_no_query_of_a_page_reads_a_whole_table_of_cases(
    page: str, client: Client, fill: Fill, administrator: User, active_version: ModelVersion
) -> None:
    client.force_login(administrator)
    fill(200)

    plans = {sql: _plan(sql) for sql in _queries(client, page)}

    read_whole = {sql: plan for sql, plan in plans.items() if _tables(sql, plan) & LARGE}
    assert not read_whole


@pytest.mark.parametrize("page", ["/training/", "/review/readers/"])
def test_the_figures_of_labels_and_readers_are_read_from_kept_numbers_alone(
    page: str, client: Client, fill: Fill, administrator: User, active_version: ModelVersion
) -> None:
    client.force_login(administrator)
    fill(10)

    read = {table for sql in _queries(client, page) for table in re.findall(r'(?:FROM|JOIN) "(\w+)"', sql)}

    assert read & LARGE <= {"review_casefigures", "audit_auditevent"}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite counts the instructions of its queries")
@pytest.mark.parametrize("page", [page for page in PAGES if page not in LINEAR])
def test_the_work_of_the_queries_of_a_page_does_not_grow_with_the_cases(
    page: str, client: Client, fill: Fill, administrator: User, active_version: ModelVersion
) -> None:
    client.force_login(administrator)
    fill(100)
    few = _instructions(client, page)

    fill(400)

    assert _instructions(client, page) < 1.5 * few


def test_recounting_makes_as_many_queries_for_200_cases_as_for_10(fill: Fill, db: None) -> None:
    fill(10)
    few = _queries_of_a_recount()
    fill(190)

    assert _queries_of_a_recount() == few


def _queries_of_a_recount() -> int:
    kept_figures.note_all_cases()
    with CaptureQueriesContext(connection) as queries:
        kept_figures.recount_changed()
    assert not ChangedCase.objects.exists()
    return sum(query["sql"].startswith("SELECT") for query in queries)  # rows are stored in batches


def _queries(client: Client, page: str) -> list[str]:
    client.get(page)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(page).status_code == 200
    return [query["sql"] for query in queries if query["sql"].startswith("SELECT")]


def _instructions(client: Client, page: str) -> int:
    """Return how many tens of instructions SQLite executes for the queries of a page."""
    client.get(page)  # fills the caches
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0  # go on

    connection.ensure_connection()
    connection.connection.set_progress_handler(count, 10)
    try:
        assert client.get(page).status_code == 200
    finally:
        connection.connection.set_progress_handler(None, 0)
    return counted


def _plan(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"), [])
        return [row[3] for row in cursor.fetchall()]


def _tables(sql: str, plan: list[str]) -> set[str]:
    """Return the tables that a plan scans; an alias of a subquery stands for its table."""
    names = {str(found[1]) for line in plan if (found := READ_WHOLE.match(line))}
    aliases: dict[str, str] = dict(re.findall(r'"(\w+)" (U\d+|T\d+)\b', sql))
    tables: dict[str, str] = {alias: table for table, alias in aliases.items()}
    return {tables.get(name, name) for name in names}
