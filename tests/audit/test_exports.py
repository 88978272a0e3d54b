"""Exports of the audit log: their content, their permission, and that they are events themselves."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import datetime, timedelta

import pytest
from django.test import Client

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.audit.services import record, sealing

CSV, JSON_LINES = "/audit/events.csv", "/audit/events.jsonl"


@pytest.fixture
def auditor(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


def exported(client: Client, url: str, **filters: str) -> str:
    response = client.get(url, filters)
    assert response.status_code == 200
    return b"".join(response).decode()


def test_json_lines_can_be_verified_without_readroom(auditor: Client, technician: User, now: datetime):
    for number in range(3):
        record(action=Action.RUN_STARTED, by=technician, detail={"number": number, "text": "é"}, now=now)
    sealing.seal()

    previous = "0" * 64
    for line in exported(auditor, JSON_LINES).splitlines():
        values = json.loads(line)
        expected, username = values.pop("hash"), values.pop("username")
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()
        assert (username, expected) == ("technician", previous)
    assert values["position"] == 3


def test_csv_has_one_line_for_each_event_and_no_formula(auditor: Client, technician: User, now: datetime):
    record(action=Action.CASE_VIEWED, by=None, detail={"number": 2}, now=now)
    technician.username = "=cmd"
    technician.save()
    record(action=Action.LOGGED_IN, by=technician, now=now)

    heading, viewed, logged_in = csv.reader(exported(auditor, CSV).splitlines())

    row = dict(zip(heading, viewed, strict=True))
    assert (row["at"], row["by"], row["action"]) == ("2026-03-02T09:30:00.000000+00:00", "", "case-viewed")
    assert (json.loads(row["detail"]), row["hash"]) == ({"number": 2}, "")
    assert logged_in[heading.index("by")] == "'=cmd"


@pytest.mark.parametrize("url", [CSV, JSON_LINES])
def test_an_export_has_the_filters_of_the_page(
    auditor: Client, technician: User, stranger: User, now: datetime, url: str
):
    for by, at in ((technician, now), (technician, now - timedelta(days=2)), (stranger, now), (None, now)):
        record(action=Action.LOGGED_IN, by=by, now=at)
    record(action=Action.LOGGED_OUT, by=technician, now=now)

    text = exported(auditor, url, who="technician", action="logged-in", since="2026-03-02")

    assert text.count("logged-in") == 1
    assert exported(auditor, url, who="stranger").count("logged-in") == 0


def test_an_export_is_an_event_with_its_size_and_the_names_of_its_filters(
    auditor: Client, administrator: User, technician: User
):
    for _ in range(3):
        record(action=Action.LOGGED_IN, by=technician)

    assert "audit-exported" not in exported(auditor, CSV, who="technician", target="")

    event = AuditEvent.objects.get(action=Action.AUDIT_EXPORTED)
    assert (event.by, event.detail) == (administrator, {"events": 3, "filters": ["who"]})


def test_an_invalid_filter_exports_nothing(auditor: Client, technician: User):
    record(action=Action.LOGGED_IN, by=technician)

    for url in (CSV, JSON_LINES):
        response = auditor.get(url, {"since": "yesterday"})
        assert response.status_code == 400
        assert "Enter a valid date" in response.content.decode()
    assert not AuditEvent.objects.filter(action=Action.AUDIT_EXPORTED).exists()


@pytest.mark.parametrize("url", [CSV, JSON_LINES])
@pytest.mark.parametrize("role", ["technician", "radiologist", "stranger"])
def test_only_administrators_export(client: Client, request: pytest.FixtureRequest, role: str, url: str):
    client.force_login(request.getfixturevalue(role))

    assert client.get(url).status_code == 403


def test_the_page_links_to_exports_with_its_filters(auditor: Client, technician: User):
    record(action=Action.LOGGED_IN, by=technician)

    page = auditor.get("/audit/", {"who": "technician", "page": "1"}).content.decode()

    assert 'href="/audit/events.csv?who=technician"' in page
    assert 'href="/audit/events.jsonl?who=technician"' in page
