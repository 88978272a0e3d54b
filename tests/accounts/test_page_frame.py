"""The frame of every page: menu, footer, error pages, includes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import timezone
from django.views.defaults import server_error

from diagnostics.accounts.models import User
from diagnostics.accounts.presenters import navigation
from diagnostics.accounts.presenters.status import ALERT_STYLES, STATUS_LABELS
from diagnostics.accounts.templatetags.staff import ago
from diagnostics.jobs.models import JobStatus


@pytest.mark.parametrize(
    ("role", "labels"),
    [
        ("technician", ["Cases", "Upload", "Models"]),
        ("radiologist", ["Cases", "Upload", "Models"]),
        (
            "administrator",
            [
                "Home",
                "Cases",
                "Upload",
                "Readers",
                "Conflicts",
                "Imports",
                "Training",
                "Models",
                "Monitoring",
                "Staff",
                "Webhooks",
                "Audit",
                "Status",
            ],
        ),
    ],
)
def test_the_menu_lists_the_pages_that_a_role_may_open(
    request: pytest.FixtureRequest, role: str, labels: list[str]
):
    user = request.getfixturevalue(role)

    assert [item.label for item in navigation.menu(user, path="/")] == labels


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/cases/", ["Cases"]),
        ("/cases/6f1c/", ["Cases"]),
        ("/cases/upload/", ["Upload"]),
        ("/accounts/profile/", []),
    ],
)
def test_the_menu_marks_the_entry_with_the_longest_matching_url(
    technician: User, path: str, current: list[str]
):
    assert [item.label for item in navigation.menu(technician, path=path) if item.is_current] == current


def test_the_menu_shows_the_number_of_cases_beside_the_list_of_cases(client: Client, radiologist: User):
    counts = {"cases:list": 3}

    items = navigation.menu(radiologist, path="/", counts=counts)

    assert [(item.label, item.count) for item in items if item.count is not None] == [("Cases", 3)]


def test_every_page_has_the_research_use_statement_and_a_skip_link(client: Client, db: None):
    page = client.get("/accounts/login/").text

    assert "Research use only. Not for diagnosis." in page
    assert 'href="#main"' in page
    assert 'id="main"' in page


def test_pages_have_no_inline_style_or_script(client: Client, administrator: User):
    client.force_login(administrator)

    for address in ("/accounts/profile/", "/accounts/password/", "/audit/"):
        page = client.get(address).text
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script>", page)


def test_the_404_page_says_what_to_do(client: Client, technician: User):
    client.force_login(technician)

    response = client.get("/no/such/page/")

    assert response.status_code == 404
    assert "Check the address" in response.text


def test_the_403_page_names_the_role_of_the_user(client: Client, technician: User):
    client.force_login(technician)

    response = client.get("/audit/")

    assert response.status_code == 403
    assert "You are logged in as Technician" in response.text


def test_the_500_page_is_rendered_without_a_database_query(rf: RequestFactory):
    response = server_error(rf.get("/"))

    assert response.status_code == 500
    assert "Server error" in response.content.decode()


@pytest.mark.parametrize(
    ("since", "text"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=4, seconds=30), "4 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=6), "6 d ago"),
    ],
)
def test_a_recent_time_is_relative(since: timedelta, text: str):
    assert ago(timezone.now() - since) == text


def test_an_old_time_is_a_date_and_has_the_exact_time_as_its_title():
    html = render_to_string("includes/when.html", {"at": datetime(2020, 5, 4, 3, 2, 1, tzinfo=UTC)})

    assert 'datetime="2020-05-04T03:02:01+00:00"' in html
    assert 'title="2020-05-04 03:02:01 UTC"' in html
    assert "May 4, 2020" in html


@pytest.mark.parametrize("threshold", ["0.4100", ""])
def test_a_score_bar_prints_the_text_of_its_presenter_and_marks_the_threshold(threshold: str):
    score = {"label": "COVID-19", "text": "0.83", "bar_value": "0.8300", "bar_threshold": threshold}
    html = render_to_string("cases/_score_bar.html", {"score": score, "lead": True})

    assert '<span class="rr-bar-text">0.83</span>' in html
    assert 'width="0.8300"' in html
    assert ("rr-bar-tick" in html) == bool(threshold)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("queued", "Queued"),
        ("running", "Running"),
        ("done", "Done"),
        ("failed", "Failed"),
        ("second", "Awaiting second read"),
        ("disagree", "Needs adjudication"),
    ],
)
def test_a_status_is_an_icon_and_a_text(status: str, text: str):
    html = squeezed(render_to_string("includes/status.html", {"status": status}))

    assert f"#{STATUS_LABELS[status].icon}" in html
    assert f"rr-status-{STATUS_LABELS[status].tone}" in html
    assert f"</svg> {text}</span>" in html


def test_a_status_with_its_own_text_keeps_the_icon():
    html = squeezed(render_to_string("includes/status.html", {"status": "done", "message": "Active"}))

    assert "#done" in html
    assert "</svg> Active</span>" in html


def test_every_job_status_has_a_label():
    assert set(JobStatus.values) <= STATUS_LABELS.keys()


def test_every_icon_of_a_status_or_an_alert_exists():
    sprite = (Path(settings.BASE_DIR) / "static" / "icons" / "sprite.svg").read_text()

    icons = {label.icon for label in STATUS_LABELS.values()} | {style.icon for style in ALERT_STYLES.values()}
    for icon in icons:
        assert f'id="{icon}"' in sprite


@pytest.mark.parametrize(
    ("tone", "icon", "role"),
    [
        ("stat", "failed", "alert"),
        ("warn", "warn", "status"),
        ("good", "done", "status"),
        ("", "info", "status"),
    ],
)
def test_only_an_error_interrupts_a_screen_reader(tone: str, icon: str, role: str):
    html = render_to_string("includes/alert.html", {"tone": tone, "message": "A message."})

    assert f"#{icon}" in html
    assert f'role="{role}"' in html


def test_messages_have_the_tone_of_their_level(rf: RequestFactory):
    messages = [
        Message(level, "A message.") for level in (constants.SUCCESS, constants.WARNING, constants.ERROR)
    ]

    html = render_to_string("includes/messages.html", {"messages": messages})

    assert re.findall(r"rr-tone-(\w+)", html) == ["good", "warn", "stat"]


def squeezed(html: str) -> str:
    """Return HTML with single spaces."""
    return " ".join(html.split())
