"""Second opinions: a kind of reading of its own, because its reader may know the finding of a colleague."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.review.models import CaseFigures, Consensus, Reading, ReadingKind
from diagnostics.review.selectors import reader_agreement, training_labels
from diagnostics.review.services import kept_figures, readings, second_opinion
from tests.review.conftest import Admit

MINUTE = timedelta(minutes=1)
migration = import_module("diagnostics.review.migrations.0011_second_opinions")


def sign(case: Case, by: User, at: datetime, finding: str = "normal") -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, now=at)


def amend(reading: Reading, at: datetime, finding: str) -> Reading:
    return readings.amend_reading(
        reading=reading, by=reading.by, finding=finding, confidence="sure", note="", reason="Seen.", now=at
    )


@pytest.fixture
def opinion(radiologist: User, second_radiologist: User, admit: Admit, now: datetime) -> Reading:
    """A second opinion of a final case that agrees with its only reading."""
    case = admit(1)
    sign(case, radiologist, now)
    second_opinion.request_second_opinion(case=case, by=radiologist, now=now + MINUTE)
    return sign(case, second_radiologist, now + 2 * MINUTE)


def test_a_reading_after_the_request_is_a_second_opinion(
    opinion: Reading, radiologist: User, third_radiologist: User, now: datetime
) -> None:
    assert opinion.kind == ReadingKind.SECOND_OPINION
    first = Reading.objects.get(by=radiologist)
    assert first.kind == ReadingKind.READING
    second_opinion.request_second_opinion(case=opinion.case, by=opinion.by, now=now + 3 * MINUTE)
    assert sign(opinion.case, third_radiologist, now + 4 * MINUTE).kind == ReadingKind.SECOND_OPINION
    assert Consensus.objects.get().second_opinion_at == now + MINUTE  # of the first request


def test_an_amended_second_opinion_stays_one(opinion: Reading, now: datetime) -> None:
    assert amend(opinion, now + 3 * MINUTE, "pneumonia").kind == ReadingKind.SECOND_OPINION


@pytest.mark.usefixtures("two_readers")
def test_the_second_of_two_needed_readings_is_no_second_opinion(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    sign(case, radiologist, now)
    newer = sign(case, second_radiologist, now + MINUTE)
    assert newer.kind == ReadingKind.READING
    assert training_labels.training_readings().get() == newer
    assert kept_label(case) == newer.pk


def test_a_disagreement_with_a_second_opinion_is_adjudicated(
    radiologist: User, second_radiologist: User, third_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    sign(case, radiologist, now)
    second_opinion.request_second_opinion(case=case, by=radiologist, now=now)
    sign(case, second_radiologist, now, "pneumonia")
    assert sign(case, third_radiologist, now, "pneumonia").kind == ReadingKind.ADJUDICATION
    assert Consensus.objects.get().finding == "pneumonia"


def test_a_second_opinion_counts_in_no_agreement_of_first_readings(
    opinion: Reading, radiologist: User, administrator: User
) -> None:
    kept_figures.bring_up_to_date()
    assert reader_agreement.agreement_of_readers(administrator).alpha.cases == 0
    assert [each.by for each in reader_agreement.first_readings(administrator)] == [radiologist]


def test_the_label_is_the_independent_reading_where_the_second_opinion_agrees(
    opinion: Reading, radiologist: User
) -> None:
    assert training_labels.training_readings().get().by == radiologist
    assert kept_label(opinion.case) == Reading.objects.get(by=radiologist).pk


def test_the_label_is_the_second_opinion_where_only_it_has_the_final_finding(
    opinion: Reading, radiologist: User, now: datetime
) -> None:
    Reading.objects.filter(pk=opinion.pk).update(finding="pneumonia")
    Consensus.objects.update(finding="pneumonia")
    assert training_labels.training_readings().get() == opinion
    assert kept_label(opinion.case) == opinion.pk


def kept_label(case: Case) -> object:
    kept_figures.recount({case.pk})
    return CaseFigures.objects.get(case=case.pk).label


def test_the_page_and_the_api_say_what_kind_a_reading_is(opinion: Reading, reader: Client) -> None:
    page = reader.get(reverse("cases:case", args=[opinion.case.pk])).content.decode()
    assert page.count("second opinion,") == 1
    signed = reader.get(reverse("review:case", args=[opinion.case.pk])).content.decode()
    assert signed.count("second opinion,") == 1
    rows = reader.get(reverse("api-readings", args=[opinion.case.pk])).json()
    assert [row["kind"] for row in rows] == ["second-opinion", "reading"]


def test_the_migration_marks_earlier_second_opinions_and_their_amendments(
    opinion: Reading, radiologist: User, admit: Admit, now: datetime
) -> None:
    """Of the rows of an earlier version; a later amendment of the first reading stays what it was."""
    amend(opinion, now + 3 * MINUTE, "pneumonia")
    amend(Reading.objects.get(by=radiologist), now + 4 * MINUTE, "pneumonia")
    other = sign(admit(2), radiologist, now + 5 * MINUTE)
    Reading.objects.update(kind="reading")
    Consensus.objects.update(second_opinion_at=None)

    migration.mark_second_opinions(apps, connection.SchemaEditorClass(connection))

    opinions = Reading.objects.filter(kind="second-opinion")
    assert {(each.by, each.case) for each in opinions} == {(opinion.by, opinion.case)}
    assert opinions.count() == 2
    assert Reading.objects.get(pk=other.pk).kind == "reading"
    assert Consensus.objects.get(case=opinion.case).second_opinion_at == now + MINUTE
    assert Consensus.objects.get(case=other.case).second_opinion_at is None
