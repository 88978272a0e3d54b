"""How many radiographs a kept view holds: told apart from the page, and to its owner alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Priority
from diagnostics.review.models import SavedView
from diagnostics.review.selectors import worklist
from diagnostics.review.selectors.saved_views import saved_view_counts
from diagnostics.review.services import assignments, claiming, readings, saved_views
from diagnostics.review.worklist_query import WorklistQuery, WorklistState
from tests.review.conftest import Admit

COUNTS = "review:view-counts"


@pytest.fixture
def reader(client: Client, radiologist: User) -> Client:
    client.force_login(radiologist)
    return client


def kept(user: User, **wanted: str) -> str:
    """Keep a view and give its id."""
    view = saved_views.save_view(name=f"{wanted}"[:40], wanted=WorklistQuery.of(wanted), by=user)
    return str(view.pk)


def test_each_view_holds_as_many_radiographs_as_its_page_lists(
    reader: Client, radiologist: User, admit: Admit, now: datetime
) -> None:
    cases = [admit(number) for number in range(3)] + [admit(9, priority=Priority.URGENT)]
    readings.sign_reading(case=cases[0], by=radiologist, finding="normal", now=now)
    assignments.assign(cases=cases[1:2], to=radiologist, by=radiologist, now=now)
    expected = {
        kept(radiologist, sort="accession"): 3,
        kept(radiologist, status="final"): 1,
        kept(radiologist, priority="urgent"): 1,
        kept(radiologist, priority="urgent", sort="-received"): 1,
        kept(radiologist, mine="yes"): 1,
        kept(radiologist, status="to-read", view="PA"): 3,
        kept(radiologist, view="AP"): 0,
        kept(radiologist, q="acc-2"): 1,
    }

    answer = reader.get(reverse(COUNTS))

    assert answer.json() == expected
    assert "no-store" in answer["Cache-Control"]
    for view in SavedView.objects.all():
        page = reader.get(f"{reverse('review:worklist')}?{view.query}")
        assert page.context["page"].paginator.count == expected[str(view.pk)]


@pytest.mark.parametrize("state", WorklistState)
def test_a_view_of_a_state_holds_what_its_chip_says(
    state: WorklistState, reader: Client, radiologist: User, admit: Admit, now: datetime
) -> None:
    for number in range(3):
        admit(number)
    claiming.claim_next(by=radiologist, now=now)
    view = kept(radiologist, status=state.value)
    counted = worklist.counts(radiologist, now)[state.value]
    assert saved_view_counts(radiologist, now) == {view: counted}


def test_nobody_counts_the_views_or_the_radiographs_of_others(
    reader: Client,
    radiologist: User,
    stranger: User,
    second_radiologist: User,
    admit: Admit,
    other_site: Site,
) -> None:
    admit(1, priority=Priority.STAT), admit(2, priority=Priority.STAT, at=other_site)
    mine = kept(radiologist, priority="stat")
    kept(stranger, priority="stat"), kept(second_radiologist, priority="urgent")
    assert reader.get(reverse(COUNTS)).json() == {mine: 1}


def test_the_page_counts_no_view_itself_and_keeps_a_place_for_its_number(
    reader: Client, radiologist: User, admit: Admit, django_assert_max_num_queries: Any
) -> None:
    admit(1)
    view = kept(radiologist, priority="stat")
    with django_assert_max_num_queries(30) as one:
        page = reader.get(reverse("review:worklist")).content.decode()
    assert f'data-count-of="{view}"' in page
    assert f'data-view-counts="{reverse(COUNTS)}"' in page
    for priority in Priority.values:
        kept(radiologist, priority=priority, view="PA")
    with django_assert_max_num_queries(len(one)):
        reader.get(reverse("review:worklist"))


def test_counting_views_of_the_same_radiographs_costs_what_one_costs(
    radiologist: User, now: datetime, django_assert_max_num_queries: Any
) -> None:
    kept(radiologist, priority="stat")
    with django_assert_max_num_queries(10) as one:
        saved_view_counts(radiologist, now)
    for sort in ("received", "-received", "study", "accession"):
        kept(radiologist, priority="stat", sort=sort)
    with django_assert_max_num_queries(len(one)):
        assert len(saved_view_counts(radiologist, now)) == 5
