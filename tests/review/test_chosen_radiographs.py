"""Radiographs chosen on the worklist: taken away as a table, or shown to the machine again."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Prediction, Priority
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion, Promotion
from diagnostics.review.services import assisted_reading, export, readings
from tests.review.conftest import Admit, Classify

MOST = 50  # radiographs on a page


@pytest.fixture
def reader(client: Client, radiologist: User) -> Client:
    client.force_login(radiologist)
    return client


def taken(client: Client, cases: Sequence[Case]) -> Any:
    return client.post(reverse("review:export"), {"case": [str(case.pk) for case in cases]})


def table(client: Client, cases: Sequence[Case]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(taken(client, cases).content.decode())))


def test_the_table_says_where_each_radiograph_stands_what_is_due_first_on_top(
    reader: Client, radiologist: User, admit: Admit, now: datetime
) -> None:
    routine, stat, unchosen = admit(1), admit(2, priority=Priority.STAT), admit(3)
    readings.sign_reading(case=stat, by=radiologist, finding="pneumonia", now=now)

    answer = taken(reader, [routine, stat])

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="radiographs-\d{4}-\d\d-\d\d\.csv"', answer["Content-Disposition"]
    )
    assert "no-store" in answer["Cache-Control"]
    assert str(unchosen.pk) not in answer.content.decode()
    read, waiting = table(reader, [routine, stat])
    assert read == {
        "case": str(stat.pk),
        "accession_number": "ACC-2",
        "priority": "stat",
        "state": "final",
        "received": stat.opened_at.isoformat(),
        "due": stat.opened_at.isoformat(),
        "settled": now.isoformat(),
        "view": "PA",
        "sex": "F",
        "age": "63",
        "readings": "1",
        "finding": "pneumonia",
    }
    due = (routine.opened_at + timedelta(hours=4)).isoformat()
    assert (waiting["state"], waiting["due"], waiting["settled"]) == ("to-read", due, "")
    assert (waiting["readings"], waiting["finding"]) == ("0", "")


def test_the_table_names_no_patient_and_nothing_that_the_machine_said(
    reader: Client, radiologist: User, admit: Admit, classify: Classify, now: datetime
) -> None:
    waiting, read = admit(1, patient="CANARY-1"), admit(2, patient="CANARY-2")
    for case in (waiting, read):
        classify(case)
    readings.sign_reading(case=read, by=radiologist, finding="normal", now=now)

    text = taken(reader, [waiting, read]).content.decode()

    assert "ACC-1" in text
    for kept in ("CANARY", "covid", "0.83", "v7"):
        assert kept not in text


def test_no_finding_leaves_while_somebody_may_still_read_the_radiograph_blind(
    two_readers: None,
    client: Client,
    radiologist: User,
    second_radiologist: User,
    third_radiologist: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    """Not after one reading of two, not while two disagree, and not once a second opinion is asked."""
    half, disagreed, reopened = admit(1), admit(2), admit(3)
    for case in (half, disagreed, reopened):
        readings.sign_reading(case=case, by=radiologist, finding="pneumonia", now=now)
    readings.sign_reading(case=disagreed, by=second_radiologist, finding="normal", now=now)
    readings.sign_reading(case=reopened, by=second_radiologist, finding="pneumonia", now=now)
    client.force_login(administrator)
    assert [row["finding"] for row in table(client, [half, disagreed, reopened])] == ["", "", "pneumonia"]
    assisted_reading.request_second_opinion(case=reopened, by=radiologist, now=now)
    for user in (radiologist, third_radiologist, administrator):
        client.force_login(user)
        rows = table(client, [half, disagreed, reopened])
        assert [row["readings"] for row in rows] == ["1", "2", "2"]
        assert [row["finding"] for row in rows] == ["", "", ""]


def test_an_amendment_is_no_further_reading(
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
def test_no_spreadsheet_takes_an_accession_number_for_a_formula(
    evil: str, reader: Client, admit: Admit
) -> None:
    case = admit(1)
    Case.objects.update(accession_number=evil)
    (row,) = table(reader, [case])
    assert row["accession_number"] == f"'{evil}"


def test_a_copy_of_a_known_radiograph_is_a_line_like_any_other_and_for_its_reader_alone(
    client: Client,
    radiologist: User,
    second_radiologist: User,
    administrator: User,
    admit: Admit,
) -> None:
    """Were it left out, the number of lines would tell a reader which of the chosen radiographs are copies."""
    known, copy = admit(1), admit(2)
    Case.objects.filter(pk=copy.pk).update(copy_of=known, shown_only_to=radiologist)
    lines: dict[User, list[str]] = {}
    for user in (radiologist, second_radiologist, administrator):
        client.force_login(user)
        lines[user] = [row["case"] for row in table(client, [known, copy])]
    alone = [str(known.pk)]
    assert lines == {
        radiologist: [*alone, str(copy.pk)],
        second_radiologist: alone,
        administrator: alone,
    }


def test_every_radiograph_that_was_taken_away_is_on_record(
    reader: Client, radiologist: User, admit: Admit
) -> None:
    cases = [admit(number) for number in range(3)]
    taken(reader, cases[:2])
    events = AuditEvent.objects.filter(action=Action.CASE_EXPORTED)
    assert {(event.by, event.target_id) for event in events} == {
        (radiologist, str(case.pk)) for case in cases[:2]
    }


def test_a_stranger_takes_nothing_away(
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
def test_without_radiographs_there_is_no_table_but_a_reason(
    wrong: dict[str, str], reader: Client, admit: Admit
) -> None:
    admit(1)
    answer = reader.post(reverse("review:export"), wrong | {"here": "sort=accession"})
    assert answer["Location"] == f"{reverse('review:worklist')}?sort=accession"
    assert "rr-alert" in reader.get(answer["Location"]).content.decode()


def test_a_whole_page_of_radiographs_costs_no_query_for_each_but_its_line_of_the_record(
    reader: Client, admit: Admit, django_assert_max_num_queries: Any
) -> None:
    cases = [admit(number) for number in range(MOST)]
    with django_assert_max_num_queries(MOST + 20):
        assert len(table(reader, cases)) == MOST


def test_the_page_asks_the_machine_again_and_says_what_it_left_out(
    reader: Client, admit: Admit, classify: Classify, now: datetime
) -> None:
    failed, answered = [admit(1), admit(2)], admit(3)
    for case in failed:
        classify(case, JobStatus.FAILED)
    classify(answered)
    Promotion.objects.create(version=ModelVersion.objects.get(), reason="for a test", since=now)
    ids = [str(case.pk) for case in (*failed, answered)]

    page = reader.post(reverse("review:bulk"), {"case": ids, "act": "again"}, follow=True).content.decode()

    assert "The machine is asked again about 2 radiographs. 1 was left out" in page
    assert set(Prediction.objects.filter(status=JobStatus.QUEUED).values_list("case", flat=True)) == {
        case.pk for case in failed
    }
    again = reader.post(reverse("review:bulk"), {"case": ids, "act": "again"}, follow=True).content.decode()
    assert "about 0 radiographs. 3 were left out" in again


def test_without_a_version_in_force_the_page_says_so(
    reader: Client, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case, JobStatus.FAILED)
    wish = {"case": str(case.pk), "act": "again"}
    page = reader.post(reverse("review:bulk"), wish, follow=True).content.decode()
    assert "No model version is in force." in page
    assert Prediction.objects.get().status == JobStatus.FAILED
