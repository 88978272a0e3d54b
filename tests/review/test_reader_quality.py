"""The reader quality page: agreement as scikit-learn computes it from the export, and the effect of AI."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from sklearn.metrics import cohen_kappa_score

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.cases.services.blinding import record_prediction_shown
from diagnostics.errors import NotAllowed
from diagnostics.review.models import Queue, ReadingPolicy
from diagnostics.review.selectors import automation_bias, reader_agreement
from diagnostics.review.services import (
    assisted_reading,
    claims,
    export,
    kept_figures,
    reading_policy,
    readings,
)
from tests.review.conftest import Admit, Classify

FIRST = ["normal", "normal", "pneumonia", "covid-19", "covid-19", "other", "normal", "pneumonia"]


SECOND = ["normal", "pneumonia", "pneumonia", "covid-19", "normal", "other", "normal", "covid-19"]


@pytest.fixture
def office(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


@pytest.fixture
def read_twice(
    two_readers: None, radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    for number, pair in enumerate(zip(FIRST, SECOND, strict=True)):
        case = admit(number)
        for reader, finding in zip((radiologist, second_radiologist), pair, strict=True):
            readings.sign_reading(case=case, by=reader, finding=finding, now=now)


def _page(client: Client) -> str:
    return re.sub(r"\s+", " ", client.get(reverse("review:readers")).content.decode())


@pytest.mark.usefixtures("read_twice")
def test_the_page_shows_the_kappa_that_scikit_learn_computes_from_the_export(office: Client) -> None:
    table = csv.DictReader(io.StringIO(office.get(reverse("review:readers-export")).getvalue().decode()))
    by_case: dict[str, dict[str, str]] = defaultdict(dict)
    for row in table:
        by_case[row["case"]][row["reader"]] = row["finding"]
    assert len(by_case) == 8
    readers = [[each[name] for each in by_case.values()] for name in ("colleague", "radiologist")]
    expected = cohen_kappa_score(*readers)
    html = _page(office)
    assert f"{expected:.2f} <span" in html
    assert "colleague, radiologist" in html
    assert "Fewer than 30 radiographs" in html


def test_amendments_and_adjudications_are_no_first_readings(
    read_twice: None, third_radiologist: User, radiologist: User, administrator: User, now: datetime
) -> None:
    disagreed = claims.claim_next(by=third_radiologist, now=now, queue=Queue.ADJUDICATION)
    assert disagreed is not None
    readings.sign_reading(case=disagreed.case, by=third_radiologist, finding="normal", now=now)
    mine = reader_agreement.first_readings(radiologist).filter(by=radiologist).first()
    assert mine is not None
    readings.amend_reading(
        reading=mine, by=radiologist, finding="other", confidence="sure", note="", reason="Yes.", now=now
    )
    findings = reader_agreement.first_readings(administrator)
    assert findings.count() == 16
    kept_figures.recount_changed()
    assert reader_agreement.agreement_of_readers(administrator).alpha.cases == 8


def test_changes_after_the_ai_result_are_counted_by_direction(
    two_readers: None,
    radiologist: User,
    second_radiologist: User,
    third_radiologist: User,
    administrator: User,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    """Every AI result is COVID-19; the other readers agree with the change (towards) or do not (away)."""

    def read(number: int, first: str, then: str, others: str) -> None:
        case = admit(number)
        prediction = classify(case)
        mine = readings.sign_reading(case=case, by=radiologist, finding=first, now=now)
        record_prediction_shown(radiologist, [prediction], now)
        if then == first:
            assisted_reading.confirm_reading(case=case, by=radiologist, now=now)
        else:
            readings.amend_reading(
                reading=mine, by=radiologist, finding=then, confidence="sure", note="", reason="AI.", now=now
            )
        for reader in (second_radiologist, third_radiologist):
            if Case.objects.get(pk=case.pk).finalized_at is None:
                later = now + timedelta(minutes=1)
                readings.sign_reading(case=case, by=reader, finding=others, now=later)

    read(1, "normal", "covid-19", others="covid-19")  # towards the final label
    read(2, "normal", "covid-19", others="normal")  # away from the final finding
    read(3, "normal", "normal", others="normal")  # unchanged against the AI result
    read(4, "covid-19", "covid-19", others="covid-19")  # AI result and reading agree

    kept_figures.recount_changed()
    found = automation_bias.automation_bias(administrator)
    assert (found.assisted, found.contradicted, found.changed) == (4, 3, 2)
    assert (found.towards_final, found.away_from_final) == (1, 1)
    assert (found.misled, found.correct_against_wrong_ai) == (1, 2)


def test_the_change_of_a_sole_reader_has_no_final_finding_to_compare_with(
    radiologist: User, administrator: User, admit: Admit, classify: Classify, now: datetime
) -> None:
    """With one reading, the final finding is that reading: neither towards, away, nor correct."""
    for number, then in ((1, "covid-19"), (2, "normal")):
        case = admit(number)
        prediction = classify(case)
        mine = readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
        record_prediction_shown(radiologist, [prediction], now)
        if then == "normal":
            assisted_reading.confirm_reading(case=case, by=radiologist, now=now)
        else:
            readings.amend_reading(
                reading=mine, by=radiologist, finding=then, confidence="sure", note="", reason="AI.", now=now
            )
    kept_figures.recount_changed()
    found = automation_bias.automation_bias(administrator)
    assert (found.assisted, found.contradicted, found.changed) == (2, 2, 1)
    assert (found.towards_final, found.away_from_final) == (0, 0)
    assert (found.misled, found.correct_against_wrong_ai) == (0, 0)


def test_an_administrator_of_another_site_counts_nothing(
    read_twice: None, other_site: Site, administrator: User
) -> None:
    administrator.sites.set([other_site])
    kept_figures.recount_changed()
    assert reader_agreement.agreement_of_readers(administrator).alpha.cases == 0
    assert automation_bias.automation_bias(administrator).assisted == 0


def test_an_administrator_changes_the_reading_policy(office: Client, site: Site) -> None:
    shares = {"uncertain_percent": 50, "contradicted_percent": 0, "novel_percent": 20}
    rules = {
        "double_read_percent": 25,
        "reference_percent": 4,
        "repeat_percent": 5,
        "stat_minutes": 15,
        "urgent_minutes": 30,
        "routine_minutes": 90,
        **shares,
    }
    page = office.post(reverse("review:policy"), rules, follow=True)
    assert "Saved." in page.content.decode()
    assert ReadingPolicy.objects.get(site=site).double_read_percent == 25
    site.refresh_from_db()
    assert (site.urgent_minutes, site.routine_minutes, site.technicians_see_predictions) == (30, 90, False)
    event = AuditEvent.objects.get(action=Action.READING_POLICY_CHANGED)
    unticked = (
        "triage_by_score",
        "technicians_see_predictions",
        "administrators_see_predictions",
        "has_active_learning_queue",
    )
    assert event.detail == rules | dict.fromkeys(unticked, False)
    assert ReadingPolicy.objects.get(site=site).random_percent == 30


@pytest.mark.parametrize("wrong", ["-1", "101", "", "many"])
def test_an_invalid_percentage_is_refused(wrong: str, office: Client) -> None:
    shares = {"uncertain_percent": 50, "contradicted_percent": 0, "novel_percent": 20}
    rules = {
        "double_read_percent": wrong,
        "reference_percent": 0,
        "repeat_percent": 0,
        "stat_minutes": 30,
        "urgent_minutes": 60,
        "routine_minutes": 240,
        **shares,
    }
    response = office.post(reverse("review:policy"), rules)
    assert response.status_code == 400
    assert not ReadingPolicy.objects.exists()


def test_a_radiologist_cannot_change_the_reading_policy(radiologist: User, site: Site, now: datetime) -> None:
    with pytest.raises(NotAllowed):
        reading_policy.set_policy(
            site=site, policy={"double_read_percent": 5}, site_rules={}, by=radiologist, now=now
        )


def test_an_empty_page_says_why_it_is_empty(office: Client, site: Site) -> None:
    html = _page(office)
    assert "No radiograph has two readings yet." in html
    assert "There are no AI-assisted readings yet" in html


def test_a_username_is_never_exported_as_a_formula(
    admit: Admit, site: Site, office: Client, now: datetime
) -> None:
    reader = User.objects.create_user("=cmd", role="radiologist")
    reader.sites.set([site])
    readings.sign_reading(case=admit(1), by=reader, finding="normal", now=now)
    text = office.get(reverse("review:readers-export")).getvalue().decode()
    assert ",'=cmd,normal," in text
    assert "MRN" not in text


def test_the_rows_of_an_export_are_those_that_its_event_counts(
    admit: Admit, radiologist: User, administrator: User, now: datetime
) -> None:
    counted, later = admit(1), admit(2)
    readings.sign_reading(case=counted, by=radiologist, finding="normal", now=now)

    rows = export.export_first_readings(by=administrator, now=now)
    readings.sign_reading(case=later, by=radiologist, finding="normal", now=now + timedelta(seconds=1))

    assert [reading.case for reading in rows] == [counted]
    event = AuditEvent.objects.get(action=Action.READINGS_EXPORTED)
    assert event.detail == {"readings": 1, "cases": 1}


def test_an_export_is_sent_while_it_is_read(office: Client) -> None:
    assert office.get(reverse("review:readers-export")).streaming
