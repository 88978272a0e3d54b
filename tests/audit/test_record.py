"""The record, its page, and that nobody rewrites it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.contrib import admin
from django.test import Client

from diagnostics.accounts.models import Site, User
from diagnostics.audit import selectors
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.audit.services import record

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = "/audit/"


def test_a_line_says_who_did_what_to_what_and_when(technician: User, site: Site, now: datetime):
    event = record(action=Action.CASE_OPENED, by=technician, target=site, detail={"files": 2}, now=now)

    event.refresh_from_db()
    assert (event.by, event.at, event.detail) == (technician, now, {"files": 2})
    assert (event.target_kind, event.target_id) == ("site", str(site.pk))


def test_the_machine_acts_without_a_name(db: None):
    assert record(action=Action.CASE_CLASSIFIED, by=None).by is None


def test_the_record_is_read_newest_first_and_narrowed(technician: User, site: Site, now: datetime):
    opened = record(action=Action.CASE_OPENED, by=technician, target=site, now=now)
    classified = record(action=Action.CASE_CLASSIFIED, by=None, target=site, now=now)
    came = record(action=Action.LOGGED_IN, by=technician, now=now - timedelta(hours=1))

    assert list(selectors.events()) == [came, classified, opened]
    assert list(selectors.events(action="case-opened")) == [opened]
    assert list(selectors.events(who="TECHNICIAN")) == [came, opened]
    assert list(selectors.events(who="machine")) == [classified]
    assert list(selectors.events(target=str(site.pk))) == [classified, opened]


@pytest.mark.parametrize("role", ["technician", "radiologist", "stranger"])
def test_the_page_is_closed_to_everybody_but_administrators(
    client: Client, request: pytest.FixtureRequest, role: str
):
    client.force_login(request.getfixturevalue(role))

    assert client.get(PAGE).status_code == 403


def test_somebody_unknown_is_asked_to_log_in(client: Client, db: None):
    assert client.get(PAGE)["Location"] == f"/accounts/login/?next={PAGE}"


def rows(page: str) -> list[str]:
    body = page.split("<tbody>")[1].split("</tbody>")[0] if "<tbody>" in page else ""
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>")[:-1]]


def test_an_administrator_reads_sentences(client: Client, administrator: User, technician: User):
    record(action=Action.LOGIN_REFUSED, by=None)
    record(action=Action.RUN_STARTED, by=technician, detail={"number": 14})
    client.force_login(administrator)

    refused, started = reversed(rows(client.get(PAGE).text))

    assert "Somebody was refused at login" in refused
    assert "technician started a training run number: 14" in started


def test_the_address_of_the_page_is_its_filter(client: Client, administrator: User, technician: User):
    record(action=Action.LOGGED_IN, by=technician)
    record(action=Action.LOGGED_OUT, by=technician)
    client.force_login(administrator)

    assert len(rows(client.get(PAGE, {"action": "logged-out", "who": "technician"}).text)) == 1
    assert "Nothing fits these filters" in client.get(PAGE, {"who": "nobody"}).text
    assert "Nothing fits these filters" in client.get(PAGE, {"action": "no-such-action"}).text


def test_a_long_record_is_cut_into_pages_that_keep_the_filter(client: Client, administrator: User):
    for number in range(101):
        record(action=Action.RUN_STARTED, by=administrator, detail={"number": number})
    client.force_login(administrator)

    first = client.get(PAGE, {"who": "administrator"}).text
    second = client.get(PAGE, {"who": "administrator", "page": "2"}).text

    assert len(rows(first)) == 100
    assert "number: 100" in rows(first)[0]
    assert "?who=administrator&amp;page=2" in first
    assert ["number: 0" in row for row in rows(second)] == [True]


def test_a_page_of_the_record_costs_the_same_for_one_line_and_a_hundred(
    client: Client, administrator: User, django_assert_num_queries: object
):
    for _ in range(100):
        record(action=Action.LOGGED_IN, by=administrator)
    client.force_login(administrator)
    client.get(PAGE)  # the first one also notes when the session began

    with django_assert_num_queries(4):  # type: ignore[operator]
        client.get(PAGE)  # session, person, count, lines


def test_the_admin_shows_the_record_and_changes_nothing(client: Client, administrator: User):
    event = record(action=Action.LOGGED_IN, by=administrator)
    client.force_login(administrator)
    line = f"/admin/audit/auditevent/{event.pk}"

    assert client.get("/admin/audit/auditevent/").status_code == 200
    assert client.post(f"{line}/change/", {"action": "logged-out"}).status_code == 403
    assert client.post(f"{line}/delete/", {"post": "yes"}).status_code == 403
    assert client.post("/admin/audit/auditevent/add/", {}).status_code == 403
    assert "delete_selected" not in admin.site.get_model_admin(AuditEvent).get_actions(
        client.get("/admin/audit/auditevent/").wsgi_request
    )


def test_no_code_of_the_product_touches_a_line_once_written():
    rewriting = re.compile(
        r"AuditEvent\.objects\.(?!create\(|filter\()\w+"
        r"|(AuditEvent\.objects\.filter|events)\(.*\)\.(update|delete)\("
    )
    sources = [path for room in ("diagnostics", "webapp") for path in (ROOT / room).rglob("*.py")]

    assert [str(path) for path in sources if rewriting.search(path.read_text())] == []
    creators = [path.name for path in sources if "AuditEvent.objects.create(" in path.read_text()]
    assert creators == ["services.py"]
