"""Lists of cases page by page, compared with plain filters and sorts in Python, on random cases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from random import Random
from typing import Any
from uuid import UUID

import pytest

from diagnostics import keyset
from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.cases.selectors import lists
from diagnostics.keyset import AtLeast, OrderedRows, counted
from diagnostics.patients.models import Patient
from diagnostics.review.models import Assignment, Claim, Consensus, Reading
from diagnostics.review.selectors import list_counts, worklist
from diagnostics.review.selectors.case_search import search
from diagnostics.review.worklist_query import STATE_FILTERS, Tab, WorklistQuery
from tests.review.many_cases import add_random_cases

NEVER = datetime(1, 1, 1, tzinfo=UTC)
SORT_VALUES = {
    "received": lambda case: case.opened_at,
    "study": lambda case: case.radiograph.study_at or NEVER,
    "accession": lambda case: case.accession_number,
}


@pytest.fixture(params=["one site", "two sites"])
def sites(request: pytest.FixtureRequest, site: Site, other_site: Site, radiologist: User) -> list[Site]:
    if request.param == "two sites":
        radiologist.sites.set([site, other_site])
    return list(radiologist.sites.all())


@pytest.fixture(params=[keyset.MAX_COUNTED, 5])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many rows are few: with more, lists are read along their order."""
    monkeypatch.setattr("diagnostics.keyset.MAX_COUNTED", request.param)
    return int(request.param)


@pytest.fixture
def cases(
    sites: list[Site],
    site: Site,
    other_site: Site,
    radiologist: User,
    second_radiologist: User,
    now: datetime,
) -> list[Case]:
    add_random_cases(120, Random(4), [site, other_site], [radiologist, second_radiologist], now)
    return list(Case.objects.filter(site__in=sites).select_related("radiograph"))


class Facts:
    """What the tables say of every case, read with one query for each table."""

    def __init__(self, user: User, now: datetime) -> None:
        self.user = user
        held = Claim.objects.filter(ended_at=None, until__gt=now)
        self.claims = dict(held.values_list("case", "by"))
        unread = set(Assignment.objects.values_list("case", "to"))
        unread -= set(Reading.objects.filter(withdrawn_at=None).values_list("case", "by"))
        unread -= set(PredictionShown.objects.values_list("case", "to"))
        self.assigned = dict(Assignment.objects.values_list("case", "to"))
        self.reserved = dict(unread)  # for readers who may still read them
        self.consensus = dict(Consensus.objects.values_list("case", "status"))
        self.read = set(Reading.objects.filter(by=user, withdrawn_at=None).values_list("case", flat=True))
        self.seen = set(PredictionShown.objects.filter(to=user).values_list("case", flat=True))
        self.predictions = dict(Case.objects.values_list("pk", "predictions__status"))

    def is_in(self, tab: str, case: Case) -> bool:
        """Return whether a tab or state holds a case, by the definition of the page."""
        pk, me = case.pk, self.user.pk
        is_open = case.finalized_at is None and case.on_worklist and case.withdrawn_at is None
        present = case.withdrawn_at is None
        needs = self.consensus.get(pk) == "needs-adjudication"
        unread = is_open and pk not in self.claims and pk not in self.consensus
        known = pk in self.read or pk in self.seen or self.reserved.get(pk, me) != me
        return {
            "": is_open,
            "to-read": is_open and not known and not needs and self.claims.get(pk, me) == me,
            "mine": is_open and (self.claims.get(pk) == me or self.assigned.get(pk) == me),
            "needs-adjudication": is_open and needs,
            "final": present and case.finalized_at is not None,
            "failed": present and self.predictions[pk] == "failed",
            "imported": present and case.finalized_at is None and not case.on_worklist,
            "all": True,
            "received": unread and self.predictions[pk] == "queued",
            "processing": unread and self.predictions[pk] == "running",
            "reading": is_open and pk in self.claims,
            "second-read": is_open and pk not in self.claims and self.consensus.get(pk) == "second-read",
        }[tab]


def expected(cases: list[Case], query: WorklistQuery, facts: Facts) -> list[Case]:
    """Filter and sort in Python; ties by id."""
    name, descending = query.sort.removeprefix("-"), query.sort.startswith("-")
    default = {"final": "-finalized_at", "imported": "-opened_at", "all": "-opened_at"}.get(query.status)
    selected = [
        case
        for case in cases
        if facts.is_in(query.status, case)
        and (not query.priority or case.priority == query.priority)
        and (not query.view or case.radiograph.view == query.view.replace("none", ""))
        and query.q.lower() in case.accession_number.lower()
    ]
    if name:
        selected.sort(key=lambda case: (SORT_VALUES[name](case), case.pk), reverse=descending)
    elif default:
        selected.sort(key=lambda case: (getattr(case, default[1:]), case.pk), reverse=True)
    else:
        selected.sort(key=lambda case: (case.due_at, case.pk))
    return selected if default else sorted(selected, key=lambda case: case.stat_rank)


def pages(rows: OrderedRows, size: int) -> Iterator[list[UUID]]:
    page = rows.page(size)
    while page:
        yield page.keys
        page = rows.page(size, after=page.next) if page.next else None


def queries() -> list[WorklistQuery]:
    tabs = ["", *Tab.values, *STATE_FILTERS]
    sorts = ["", *SORT_VALUES, *(f"-{name}" for name in SORT_VALUES)]
    filters: list[dict[str, Any]] = [
        {},
        *({"priority": priority} for priority in ("stat", "urgent", "routine")),
        *({"view": view} for view in ("PA", "LATERAL", "none")),
        {"q": "acc-1"},
        {"q": "c-"},
        {"priority": "urgent", "view": "AP", "q": "acc"},
    ]
    combined = product(tabs, sorts, filters)
    return [WorklistQuery(status=tab, sort=sort, **chosen) for tab, sort, chosen in combined]


def test_every_view_lists_what_a_plain_filter_selects(
    cases: list[Case], few: int, radiologist: User, now: datetime
) -> None:
    facts = Facts(radiologist, now)
    for query in Random(few).sample(queries(), 60):
        rows = worklist.worklist(radiologist, query, now=now)
        wanted = [case.pk for case in expected(cases, query, facts)]
        assert [key for page in pages(rows, 7) for key in page] == wanted, query
        assert int(counted(rows.rows)) == min(len(wanted), few), query


def test_the_number_of_each_tab_is_that_of_its_cases(
    cases: list[Case], few: int, radiologist: User, now: datetime
) -> None:
    facts, numbers = Facts(radiologist, now), list_counts.counts(radiologist, now)
    for tab in ["", *Tab.values]:
        number = sum(facts.is_in(tab, case) for case in cases)
        if isinstance(numbers[tab], AtLeast):
            assert number > numbers[tab] == few
        else:
            assert numbers[tab] == number


def test_pages_backwards_and_from_the_end_are_those_forwards(
    cases: list[Case], radiologist: User, now: datetime
) -> None:
    for query in (WorklistQuery(), WorklistQuery(sort="-study"), WorklistQuery(status="all")):
        rows = worklist.worklist(radiologist, query, now=now)
        keys = [key for page in pages(rows, 7) for key in page]
        last = rows.page(7, is_last=True)
        assert last is not None
        assert (last.keys, last.next) == (keys[-7:], None)
        before = rows.page(7, before=last.previous)
        assert before is not None
        assert before.keys == keys[-14:-7]
        assert (before.previous, before.next) == (keys[-14], keys[-8])
        first = rows.page(7, before=keys[7])
        assert first is not None
        assert (first.keys, first.previous) == (keys[:7], None)


def test_a_case_that_is_added_or_leaves_repeats_and_hides_no_other(
    cases: list[Case], radiologist: User, now: datetime
) -> None:
    rows = lists.case_list(radiologist)
    before = [key for page in pages(rows, 20) for key in page]
    seen: list[UUID] = []
    for number, page in enumerate(pages(rows, 20)):
        seen += page
        if number == 0:
            add_random_cases(5, Random(9), [cases[0].site], [radiologist], now)
            Case.objects.filter(pk__in=page[:-1]).update(opened_at=now.replace(year=1999))  # now the last
    known = [key for key in seen if key in before]
    assert known[: len(before)] == before
    assert set(known[len(before) :]) == set(before[:19])


@pytest.mark.parametrize("cursor", ["", "no id", "00000000-0000-0000-0000-000000000000", "9" * 40])
def test_an_unknown_cursor_is_no_page(cursor: str, radiologist: User, now: datetime) -> None:
    page = worklist.worklist(radiologist, WorklistQuery(), now=now).page(7, after=cursor)
    assert (page is None) == bool(cursor)


def test_the_api_lists_what_a_plain_filter_selects(cases: list[Case], few: int, radiologist: User) -> None:
    statuses = dict(Case.objects.values_list("pk", "predictions__status"))
    for ordering, status in product(lists.ORDERINGS, ["", "queued", "running", "done", "failed"]):
        name, descending = ordering.removeprefix("-"), ordering.startswith("-")
        wanted = [case for case in cases if not status or statuses[case.pk] == status]
        if name == "priority":
            wanted.sort(key=lambda case: (case.opened_at, case.pk))
            wanted.sort(key=lambda case: case.priority_rank, reverse=descending)
        else:
            wanted.sort(key=lambda case: (getattr(case, name), case.pk), reverse=descending)
        rows = lists.case_list(radiologist, status=status, ordering=ordering)
        assert [key for page in pages(rows, 11) for key in page] == [case.pk for case in wanted]


SEARCHES = (
    "acc-1",
    "ACC-59",
    "p-00",
    "c-3",
    "müller",
    "anna maria",
    "MARIA",
    "li wu",
    "wu li",
    "山田",
    "やまだ",
    '"Ann"',
)


@pytest.mark.parametrize(
    "text", [*SEARCHES, "o'neil", "yamada 太郎", "no such name", "%%%", "___", "acc-1\n"]
)
def test_a_search_finds_what_a_plain_comparison_finds(
    text: str, cases: list[Case], radiologist: User
) -> None:
    names = {(each.site_id, each.reference): each.name for each in Patient.objects.all()}
    words = text.replace(",", " ").lower().split()

    def matches(case: Case) -> bool:
        values = (case.accession_number, case.patient_ref)
        name = names[case.site_id, case.patient_ref].lower()
        return any(text.strip().lower() in value.lower() for value in values) or all(
            word in name for word in words
        )

    wanted = sorted(
        (case for case in cases if matches(case)), key=lambda case: (case.opened_at, case.pk), reverse=True
    )
    found = search(radiologist, text)
    too_short = len(text.strip()) < 3
    assert found.keys == ([] if too_short else [case.pk for case in wanted])
    assert found.count == len(found.keys)
