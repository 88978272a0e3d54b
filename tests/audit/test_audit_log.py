"""The audit log: recording, filters, its page, and that events are never changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.audit.selectors import events as selectors
from diagnostics.audit.selectors.events import EventQuery
from diagnostics.audit.services import record
from diagnostics.cases.models import Case

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = "/audit/"


def test_an_event_stores_user_action_target_time_and_detail(technician: User, site: Site, now: datetime):
    event = record(action=Action.CASE_OPENED, by=technician, target=site, detail={"files": 2}, now=now)

    event.refresh_from_db()
    assert (event.by, event.at, event.detail) == (technician, now, {"files": 2})
    assert (event.target_kind, event.target_id) == ("site", str(site.pk))


def test_an_event_of_the_system_has_no_user(db: None):
    assert record(action=Action.PREDICTION_STORED, by=None).by is None


def test_events_are_listed_newest_first_and_filtered(
    technician: User, administrator: User, site: Site, now: datetime
):
    opened = record(action=Action.CASE_OPENED, by=technician, target=site, now=now)
    classified = record(action=Action.PREDICTION_STORED, by=None, target=site, now=now)
    logged_in = record(action=Action.LOGGED_IN, by=technician, now=now - timedelta(days=1))

    def matching(**filters: Any) -> list[AuditEvent]:
        return list(selectors.matching(administrator, EventQuery(**filters)))

    today, yesterday = now.date(), now.date() - timedelta(days=1)
    assert matching() == [logged_in, classified, opened]
    assert matching(action="case-opened") == [opened]
    assert matching(who="TECHNICIAN") == [logged_in, opened]
    assert matching(who="system") == [classified]
    assert matching(target=str(site.pk)) == [classified, opened]
    assert matching(since=today) == [classified, opened]
    assert matching(until=yesterday) == [logged_in]
    assert matching(since=yesterday, until=today, who="system") == [classified]


def test_an_event_names_the_site_of_its_target(technician: User, site: Site, now: datetime):
    case = Case.objects.create(site=site, opened_by=technician, opened_at=now, patient_ref="P-1")

    for target, expected in ((site, site.pk), (case, site.pk), (technician, None), (None, None)):
        assert record(action=Action.CASE_VIEWED, by=technician, target=target).site == expected


def test_administrators_see_the_events_of_their_own_sites_only(
    site: Site, other_site: Site, technician: User, administrator: User, stranger: User
):
    own = [
        record(action=Action.READING_POLICY_CHANGED, by=stranger, target=site),
        record(action=Action.LOGGED_IN, by=technician),
        record(action=Action.PREDICTION_STORED, by=None, target=site),
        record(action=Action.RUN_FINISHED, by=None),
    ]
    record(action=Action.READING_POLICY_CHANGED, by=technician, target=other_site)
    record(action=Action.LOGGED_IN, by=stranger)
    record(action=Action.PREDICTION_STORED, by=None, target=other_site)

    assert list(selectors.visible_to(administrator)) == own[::-1]


@pytest.mark.parametrize("role", ["technician", "radiologist", "stranger"])
def test_only_administrators_may_open_the_page(client: Client, request: pytest.FixtureRequest, role: str):
    client.force_login(request.getfixturevalue(role))

    assert client.get(PAGE).status_code == 403


def test_the_page_requires_a_login(client: Client, db: None):
    assert client.get(PAGE)["Location"] == f"/accounts/login/?next={PAGE}"


def rows(page: str) -> list[str]:
    body = page.split("<tbody>")[1].split("</tbody>")[0] if "<tbody>" in page else ""
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>")[:-1]]


def test_an_event_is_shown_as_a_sentence(client: Client, administrator: User, technician: User):
    record(action=Action.LOGIN_FAILED, by=None)
    record(action=Action.RUN_STARTED, by=technician, detail={"number": 14})
    client.force_login(administrator)

    refused, started = reversed(rows(client.get(PAGE).text))

    assert "Unknown user failed to log in" in refused
    assert "technician started a training run number: 14" in started


def test_the_target_links_to_its_page(client: Client, administrator: User, site: Site):
    run = uuid4()
    AuditEvent.objects.create(
        at=administrator.date_joined,
        by=None,
        action=Action.RUN_FINISHED,
        target_kind="trainingrun",
        target_id=str(run),
    )
    record(
        action=Action.READING_POLICY_CHANGED,
        by=administrator,
        target=site,
        detail={"policy": {"a": 1, "b": 2}},
    )
    client.force_login(administrator)

    page = client.get(PAGE).text

    assert f'href="/training/{run}/"' in page
    assert f"run {str(run)[:8]}" in page
    assert f"site {str(site.pk)[:8]}" in page
    assert "a: 1, b: 2" in page
    assert "System finished a training run" in " ".join(rows(page))


def test_the_url_contains_the_filters(client: Client, administrator: User, technician: User):
    record(action=Action.LOGGED_IN, by=technician)
    record(action=Action.LOGGED_OUT, by=technician)
    client.force_login(administrator)

    assert len(rows(client.get(PAGE, {"action": "logged-out", "who": "technician"}).text)) == 1
    assert "No matching events" in client.get(PAGE, {"who": "nobody"}).text
    assert "No matching events" in client.get(PAGE, {"action": "no-such-action"}).text


def test_a_long_log_is_paginated_and_keeps_its_filters(client: Client, administrator: User):
    for number in range(101):
        record(action=Action.RUN_STARTED, by=administrator, detail={"number": number})
    client.force_login(administrator)

    first = client.get(PAGE, {"who": "administrator"}).text
    (after,) = re.findall(r'rel="next"\s+href="\?who=administrator&amp;after=(\d+)"', first)
    second = client.get(PAGE, {"who": "administrator", "after": after}).text

    assert len(rows(first)) == 100
    assert "number: 100" in rows(first)[0]
    assert ["number: 0" in row for row in rows(second)] == [True]
    last = client.get(PAGE, {"who": "administrator", "page": "last"}).text
    assert "number: 99" in rows(last)[0]


def test_a_page_of_one_hundred_events_needs_five_queries(
    client: Client, administrator: User, django_assert_num_queries: object
):
    for _ in range(100):
        record(action=Action.LOGGED_IN, by=administrator)
    client.force_login(administrator)
    client.get(PAGE)  # the first request also writes the start of the session

    with django_assert_num_queries(5):  # type: ignore[operator]
        client.get(PAGE)  # session, user, count, events


def test_the_page_filters_by_date_and_names_an_invalid_one(client: Client, administrator: User):
    record(action=Action.LOGGED_IN, by=administrator, now=datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    client.force_login(administrator)

    assert len(rows(client.get(PAGE, {"since": "2026-03-02", "until": "2026-03-02"}).text)) == 1
    assert "No matching events" in client.get(PAGE, {"since": "2026-03-03"}).text
    assert "Enter a valid date" in client.get(PAGE, {"since": "yesterday"}).text


def test_an_old_and_a_new_value_are_shown_as_such(client: Client, administrator: User):
    changes = {"role": {"old": "technician", "new": "radiologist"}, "sites": {"old": ["North"], "new": []}}
    record(action=Action.ACCOUNT_CHANGED, by=administrator, detail={"changes": changes})
    client.force_login(administrator)

    page = client.get(PAGE).text

    assert "role: technician, now radiologist, sites: North, now" in page


@pytest.mark.parametrize("action", ["change", "delete", "history", ""])
def test_django_admin_has_no_pages_of_events(client: Client, administrator: User, action: str):
    event = record(action=Action.LOGGED_IN, by=administrator)
    client.force_login(administrator)

    path = f"/admin/audit/auditevent/{event.pk}/{action}/" if action else "/admin/audit/auditevent/"
    assert client.get(path).status_code == 404
    assert client.post(path, {"post": "yes", "action": "logged-out"}).status_code == 404


def test_no_code_changes_or_deletes_events():
    rewriting = re.compile(
        r"AuditEvent\.objects\.(?!filter\(|none\(|get\()\w+"
        r"|(AuditEvent\.objects\.filter|events)\(.*\)\.(update|delete)\("
    )
    permitted = {
        "recording.py": "bulk_create",
        "sealing.py": "bulk_update",
        "retention.py": "delete",
    }  # see docs/adr/0019
    sources = [path for package in ("diagnostics", "webapp") for path in (ROOT / package).rglob("*.py")]

    found = {path.name: match.group() for path in sources for match in rewriting.finditer(path.read_text())}
    assert found.keys() == permitted.keys()
    assert all(permitted[name] in text for name, text in found.items())
    creators = [path.name for path in sources if re.search(r"\bAuditEvent\(\n", path.read_text())]
    assert creators == ["recording.py"]
