"""The frame of every page: menu, foot, error pages, small includes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import timezone
from django.views.defaults import server_error

from diagnostics.accounts.models import User
from diagnostics.accounts.presenters import navigation
from diagnostics.accounts.templatetags.staff import ago


@pytest.mark.parametrize(
    ("role", "places"),
    [
        ("technician", ["Cases", "Upload", "Models"]),
        ("radiologist", ["Worklist", "Cases", "Upload", "Models"]),
        (
            "administrator",
            ["Worklist", "Cases", "Upload", "Readers", "Imports", "Training", "Models", "Audit"],
        ),
    ],
)
def test_the_menu_shows_what_a_role_may_open(request: pytest.FixtureRequest, role: str, places: list[str]):
    user = request.getfixturevalue(role)

    assert [str(item.words) for item in navigation.menu(user, path="/")] == places


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/cases/", ["Cases"]),
        ("/cases/6f1c/", ["Cases"]),
        ("/cases/upload/", ["Upload"]),
        ("/accounts/profile/", []),
    ],
)
def test_the_menu_marks_the_nearest_place(technician: User, path: str, current: list[str]):
    assert [str(item.words) for item in navigation.menu(technician, path=path) if item.current] == current


def test_every_page_carries_the_foot_and_a_way_past_the_menu(client: Client, db: None):
    page = client.get("/accounts/login/").text

    assert "Research use only. Not for diagnosis." in page
    assert 'href="#main"' in page
    assert 'id="main"' in page


def test_pages_hold_no_inline_style_or_script(client: Client, administrator: User):
    client.force_login(administrator)

    for address in ("/accounts/profile/", "/accounts/password/", "/audit/"):
        page = client.get(address).text
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script>", page)


def test_a_missing_page_says_what_to_do(client: Client, technician: User):
    client.force_login(technician)

    answer = client.get("/no/such/page/")

    assert answer.status_code == 404
    assert "start again from a list" in answer.text


def test_a_closed_page_names_the_role_that_it_is_closed_to(client: Client, technician: User):
    client.force_login(technician)

    answer = client.get("/audit/")

    assert answer.status_code == 403
    assert "You are logged in as Technician" in answer.text


def test_a_broken_page_is_explained_without_asking_the_database(rf: RequestFactory):
    answer = server_error(rf.get("/"))

    assert answer.status_code == 500
    assert "went wrong on our side" in answer.content.decode()


@pytest.mark.parametrize(
    ("since", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=4, seconds=30), "4 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=6), "6 d ago"),
    ],
)
def test_times_are_said_as_people_say_them(since: timedelta, words: str):
    assert ago(timezone.now() - since) == words


def test_old_times_are_dates_and_every_time_carries_the_exact_one():
    html = render_to_string("includes/when.html", {"at": datetime(2020, 5, 4, 3, 2, 1, tzinfo=UTC)})

    assert 'datetime="2020-05-04T03:02:01+00:00"' in html
    assert 'title="2020-05-04 03:02:01 UTC"' in html
    assert "May 4, 2020" in html


@pytest.mark.parametrize(
    ("value", "tick", "words"),
    [(0.83, 0.41, "0.83, above 0.41"), (0.12, 0.5, "0.12, below 0.50"), (0.05, None, "0.05")],
)
def test_a_bar_says_its_probability_and_the_operating_point(value: float, tick: float | None, words: str):
    html = render_to_string("includes/bar.html", {"label": "COVID-19", "value": value, "tick": tick})

    assert f">{words}<" in html
    assert f'width="{value:.4f}"' in html
    assert ("rr-bar-tick" in html) == (tick is not None)


@pytest.mark.parametrize(
    ("status", "word"),
    [("queued", "Waiting"), ("running", "Running"), ("done", "Done"), ("failed", "Failed")],
)
def test_a_status_is_an_icon_and_a_word(status: str, word: str):
    html = render_to_string("includes/status.html", {"status": status})

    assert f"#{status}" in html
    assert f"</svg> {word}<" in html
