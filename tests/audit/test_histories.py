"""The audit log as the history of a case or an account: count, period, times and links."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.cases.services import admission
from tests.radiographs import radiograph_png

PAGE = "/audit/"


@pytest.fixture
def auditor(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


def test_the_page_names_the_number_of_all_matching_events(
    auditor: Client, technician: User, now: datetime
) -> None:
    for _number in range(103):  # more than one page
        record(action=Action.LOGGED_IN, by=technician, now=now)
    record(action=Action.LOGGED_OUT, by=technician, now=now)

    assert "104 events" in auditor.get(PAGE).text
    assert "1 event\n" in auditor.get(PAGE, {"action": "logged-out"}).text


def test_a_period_that_ends_before_it_begins_is_named_an_error(auditor: Client) -> None:
    backwards = {"since": "2026-03-02", "until": "2026-03-01"}

    assert "not before the first one" in auditor.get(PAGE, backwards).text
    assert auditor.get("/audit/events.csv", backwards).status_code == 400


def test_times_are_those_of_the_site_with_the_iso_time_beside(
    auditor: Client, technician: User, now: datetime, settings: Settings
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    record(action=Action.LOGGED_IN, by=technician, now=now)  # 09:30 UTC

    page = auditor.get(PAGE).text

    assert "2026-03-02 10:30:00" in page
    assert 'datetime="2026-03-02T10:30:00+01:00"' in page


def test_the_history_of_a_case_is_linked_from_its_page_for_auditors(
    auditor: Client, technician: User, now: datetime, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    case = admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now).case
    record(action=Action.LOGGED_IN, by=technician, now=now)
    link = f"/audit/?target={case.pk}"

    assert f'href="{link}"' in auditor.get(f"/cases/{case.pk}/").text
    history = auditor.get(link).text
    assert "opened a case" in history
    assert "viewed a case" in history  # by the request above
    assert "logged in" not in history.split("<tbody>")[1]

    auditor.force_login(technician)
    assert link not in auditor.get(f"/cases/{case.pk}/").text


def test_the_history_of_an_account_is_linked_from_its_page(auditor: Client, technician: User) -> None:
    address = f"/accounts/staff/{technician.pk}/"
    auditor.post(f"{address}activity/deactivate/")

    page = auditor.get(address).text
    assert f'href="/audit/?target={technician.pk}"' in page
    assert 'href="/audit/?who=technician"' in page
    assert "changed an account" in auditor.get(PAGE, {"target": str(technician.pk)}).text
