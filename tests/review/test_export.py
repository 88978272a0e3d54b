"""The CSV export of selected cases."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Priority
from diagnostics.errors import NotAllowed
from diagnostics.review.services import export, readings, second_opinion
from tests.review.conftest import Admit, Classify

MOST = 50  # radiographs on a page


def post_export(client: Client, cases: Sequence[Case]) -> Any:
    return client.post(reverse("review:export"), {"case": [str(case.pk) for case in cases]})


def table(client: Client, cases: Sequence[Case]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(post_export(client, cases).content.decode())))


def test_the_export_has_the_state_of_each_case_by_due_time(
    reader: Client, radiologist: User, admit: Admit, now: datetime
) -> None:
    routine, stat, unchosen = admit(1), admit(2, priority=Priority.STAT), admit(3)
    readings.sign_reading(case=stat, by=radiologist, finding="pneumonia", now=now)

    response = post_export(reader, [routine, stat])

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="cases-\d{4}-\d\d-\d\d\.csv"', response["Content-Disposition"])
    assert "no-store" in response["Cache-Control"]
    assert str(unchosen.pk) not in response.content.decode()
    read, waiting = table(reader, [routine, stat])
    assert read == {
        "case": str(stat.pk),
        "accession_number": "ACC-2",
        "priority": "stat",
        "state": "final",
        "received": stat.opened_at.isoformat(),
        "due": (stat.opened_at + timedelta(minutes=30)).isoformat(),
        "finalized": now.isoformat(),
        "view": "PA",
        "sex": "F",
        "age": "63",
        "readings": "1",
        "finding": "pneumonia",
        "structured_note": "",
    }
    due = (routine.opened_at + timedelta(hours=4)).isoformat()
    assert (waiting["state"], waiting["due"], waiting["finalized"]) == ("to-read", due, "")
    assert (waiting["readings"], waiting["finding"]) == ("0", "")


def test_the_export_has_no_patient_reference_and_no_ai_result(
    reader: Client, radiologist: User, admit: Admit, classify: Classify, now: datetime
) -> None:
    waiting, read = admit(1, patient="CANARY-1"), admit(2, patient="CANARY-2")
    for case in (waiting, read):
        classify(case)
    readings.sign_reading(case=read, by=radiologist, finding="normal", now=now)

    text = post_export(reader, [waiting, read]).content.decode()

    assert "ACC-1" in text
    for secret in ("CANARY", "covid", "0.83", "v7"):
        assert secret not in text


def test_no_finding_is_exported_while_the_case_may_be_read_blind(
    two_readers: None,
    client: Client,
    radiologist: User,
    second_radiologist: User,
    third_radiologist: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    """One of two readings, disagreeing readings, and a requested second opinion."""
    half, disagreed, reopened = admit(1), admit(2), admit(3)
    for case in (half, disagreed, reopened):
        readings.sign_reading(case=case, by=radiologist, finding="pneumonia", now=now)
    readings.sign_reading(case=disagreed, by=second_radiologist, finding="normal", now=now)
    readings.sign_reading(case=reopened, by=second_radiologist, finding="pneumonia", now=now)
    client.force_login(administrator)
    assert [row["finding"] for row in table(client, [half, disagreed, reopened])] == ["", "", "pneumonia"]
    second_opinion.request_second_opinion(case=reopened, by=radiologist, now=now)
    for user in (radiologist, third_radiologist, administrator):
        client.force_login(user)
        rows = table(client, [half, disagreed, reopened])
        assert [row["readings"] for row in rows] == ["1", "2", "2"]
        assert [row["finding"] for row in rows] == ["", "", ""]


def test_an_amendment_counts_as_no_further_reading(
    reader: Client, radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    mine = readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    readings.amend_reading(
        reading=mine, by=radiologist, finding="other", confidence="sure", note="", reason="Yes.", now=now
    )
    (row,) = table(reader, [case])
    assert (row["readings"], row["finding"]) == ("1", "other")


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1"])
def test_an_accession_number_is_never_exported_as_a_formula(evil: str, reader: Client, admit: Admit) -> None:
    case = admit(1)
    Case.objects.update(accession_number=evil)
    (row,) = table(reader, [case])
    assert row["accession_number"] == f"'{evil}"


def test_a_control_case_is_exported_to_its_reader_only(
    client: Client,
    radiologist: User,
    second_radiologist: User,
    administrator: User,
    admit: Admit,
) -> None:
    """A missing row would tell the reader which of the selected cases are control cases."""
    original, control = admit(1), admit(2)
    Case.objects.filter(pk=control.pk).update(copy_of=original, shown_only_to=radiologist)
    lines: dict[User, list[str]] = {}
    for user in (radiologist, second_radiologist, administrator):
        client.force_login(user)
        lines[user] = [row["case"] for row in table(client, [original, control])]
    alone = [str(original.pk)]
    assert lines == {
        radiologist: [*alone, str(control.pk)],
        second_radiologist: alone,
        administrator: alone,
    }


def test_every_exported_case_is_audited(reader: Client, radiologist: User, admit: Admit) -> None:
    cases = [admit(number) for number in range(3)]
    post_export(reader, cases[:2])
    events = AuditEvent.objects.filter(action=Action.CASE_EXPORTED)
    assert {(event.by, event.target_id) for event in events} == {
        (radiologist, str(case.pk)) for case in cases[:2]
    }


def test_a_user_of_another_site_exports_nothing(
    client: Client, stranger: User, technician: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    client.force_login(stranger)
    assert table(client, [case]) == []
    assert export.export(cases=[case], by=stranger, now=now) == []
    with pytest.raises(NotAllowed):
        export.export(cases=[case], by=technician, now=now)
    assert not AuditEvent.objects.filter(action=Action.CASE_EXPORTED).exists()


@pytest.mark.parametrize("wrong", [{}, {"case": "no id"}])
def test_an_export_without_cases_shows_an_error(wrong: dict[str, str], reader: Client, admit: Admit) -> None:
    admit(1)
    response = reader.post(reverse("review:export"), wrong | {"here": "sort=accession"})
    assert response["Location"] == f"{reverse('cases:list')}?sort=accession"
    assert "rr-alert" in reader.get(response["Location"]).content.decode()


def test_the_number_of_queries_does_not_grow_with_the_cases(
    reader: Client, admit: Admit, django_assert_max_num_queries: Any
) -> None:
    cases = [admit(number) for number in range(MOST)]
    with django_assert_max_num_queries(20):
        assert len(table(reader, cases)) == MOST


def test_an_export_of_many_cases_writes_its_events_with_one_insert(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    cases = [admit(seed) for seed in range(3)]

    with CaptureQueriesContext(connection) as queries:
        export.export(cases=cases, by=radiologist, now=now)

    inserts = [query["sql"] for query in queries if query["sql"].startswith("INSERT")]
    assert len(inserts) == 1
    exported = AuditEvent.objects.filter(action=Action.CASE_EXPORTED, by=radiologist)
    assert {event.target_id for event in exported} == {str(case.pk) for case in cases}
