"""Saved views of the worklist and their counts."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Priority
from diagnostics.review.errors import TooManyViews
from diagnostics.review.models import SavedView
from diagnostics.review.selectors import list_counts
from diagnostics.review.selectors.saved_views import saved_view_counts
from diagnostics.review.services import assignments, claims, readings, saved_views
from diagnostics.review.worklist_query import Tab, WorklistQuery
from tests.review.conftest import Admit

COUNTS = "review:view-counts"
QUERIES = 36  # of the list of cases


def save_view(user: User, **params: str) -> str:
    """Save a view and return its id."""
    view = saved_views.save_view(name=f"{params}"[:40], query=WorklistQuery.of(params), by=user)
    return str(view.pk)


def test_the_count_of_a_view_equals_the_cases_it_lists(
    reader: Client, radiologist: User, admit: Admit, now: datetime
) -> None:
    cases = [admit(number) for number in range(3)] + [admit(9, priority=Priority.URGENT)]
    readings.sign_reading(case=cases[0], by=radiologist, finding="normal", now=now)
    assignments.assign(cases=cases[1:2], to=radiologist, by=radiologist, now=now)
    expected = {
        save_view(radiologist, sort="accession"): 3,
        save_view(radiologist, status="final"): 1,
        save_view(radiologist, priority="urgent"): 1,
        save_view(radiologist, priority="urgent", sort="-received"): 1,
        save_view(radiologist, mine="yes"): 1,
        save_view(radiologist, status="to-read", view="PA"): 3,
        save_view(radiologist, view="AP"): 0,
        save_view(radiologist, q="acc-2"): 1,
    }

    response = reader.get(reverse(COUNTS))

    assert response.json() == expected
    assert "no-store" in response["Cache-Control"]
    for view in SavedView.objects.all():
        page = reader.get(f"{reverse('cases:list')}?{view.query}")
        assert page.context["listing"].count == expected[str(view.pk)]


@pytest.mark.parametrize("tab", Tab)
def test_the_count_of_a_view_of_a_tab_equals_the_count_of_the_tab(
    tab: Tab, reader: Client, radiologist: User, admit: Admit, now: datetime
) -> None:
    for number in range(3):
        admit(number)
    claims.claim_next(by=radiologist, now=now)
    view = save_view(radiologist, status=tab.value)
    counted = list_counts.counts(radiologist, now)[tab]
    assert saved_view_counts(radiologist, now) == {view: counted}


def test_counts_cover_own_views_and_own_sites_only(
    reader: Client,
    radiologist: User,
    stranger: User,
    second_radiologist: User,
    admit: Admit,
    other_site: Site,
) -> None:
    admit(1, priority=Priority.STAT), admit(2, priority=Priority.STAT, at=other_site)
    mine = save_view(radiologist, priority="stat")
    save_view(stranger, priority="stat"), save_view(second_radiologist, priority="urgent")
    assert reader.get(reverse(COUNTS)).json() == {mine: 1}


def test_the_worklist_page_does_not_count_saved_views(
    reader: Client, radiologist: User, admit: Admit, django_assert_max_num_queries: Any
) -> None:
    admit(1)
    view = save_view(radiologist, priority="stat")
    with django_assert_max_num_queries(QUERIES) as one:
        page = reader.get(reverse("cases:list")).content.decode()
    assert f'data-count-of="{view}"' in page
    assert f'data-view-counts="{reverse(COUNTS)}"' in page
    for priority in Priority.values:
        save_view(radiologist, priority=priority, view="PA")
    with django_assert_max_num_queries(len(one)):
        reader.get(reverse("cases:list"))


def test_views_that_differ_in_order_are_counted_once(
    radiologist: User, now: datetime, django_assert_max_num_queries: Any
) -> None:
    save_view(radiologist, priority="stat")
    with django_assert_max_num_queries(10) as one:
        saved_view_counts(radiologist, now)
    for sort in ("received", "-received", "study", "accession"):
        save_view(radiologist, priority="stat", sort=sort)
    with django_assert_max_num_queries(len(one)):
        assert len(saved_view_counts(radiologist, now)) == 5


WORKLIST = "cases:list"


def test_a_saved_view_belongs_to_its_owner_only(
    reader: Client, client: Client, radiologist: User, second_radiologist: User, admit: Admit
) -> None:
    admit(1)
    reader.post(reverse("review:save-view"), {"name": "My STAT", "here": "priority=stat&sort=-received"})
    view = SavedView.objects.get()
    assert (view.owner, view.query) == (radiologist, "priority=stat&sort=-received")
    page = re.sub(r"\s+", " ", reader.get(reverse(WORKLIST)).content.decode())
    assert 'href="?priority=stat&amp;sort=-received"' in page
    client.force_login(second_radiologist)
    assert "My STAT" not in client.get(reverse(WORKLIST)).content.decode()
    assert client.post(reverse("review:delete-view", args=[view.pk])).status_code == 404
    client.force_login(radiologist)
    client.post(reverse("review:delete-view", args=[view.pk]))
    assert not SavedView.objects.exists()


def test_the_number_of_saved_views_is_limited(radiologist: User) -> None:
    for number in range(saved_views.MAX_VIEWS):
        saved_views.save_view(name=f"{number}", query=WorklistQuery(priority="stat"), by=radiologist)
    saved_views.save_view(name="0", query=WorklistQuery(), by=radiologist)
    with pytest.raises(TooManyViews):
        saved_views.save_view(name="more", query=WorklistQuery(), by=radiologist)
