"""Withdrawn readings: an undone signature keeps its row, and nothing counts it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.services import create_token
from diagnostics.cases.models import Case
from diagnostics.review.errors import AlreadySuperseded, CannotUndo, FirstReadingRequired, ReadingWithdrawn
from diagnostics.review.models import Consensus, ConsensusStatus, Reading, ReadingKind, ReadingPolicy
from diagnostics.review.selectors import (
    active_learning,
    adjudication,
    list_counts,
    queues,
    reader_agreement,
    reader_performance,
    reference_cases,
    training_labels,
)
from diagnostics.review.selectors import readings as reading_selectors
from diagnostics.review.services import claims, control_cases, kept_figures, readings, second_opinion
from diagnostics.review.services import undo_signature as undo_services
from diagnostics.review.services.consensus import update_consensus
from diagnostics.review.worklist_query import WorklistState
from tests.review.conftest import Admit, Classify
from tests.review.control_cases import FixedDraw, add_control

SECOND = timedelta(seconds=1)
CHANGE: dict[str, Any] = {"finding": "other", "confidence": "sure", "note": "", "reason": "Compared."}
MONTH = timedelta(days=31)
Undo = Callable[..., Reading]


def sign(case: Case, by: User, now: datetime, finding: str = "covid-19") -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, now=now)


@pytest.fixture
def undo(radiologist: User, now: datetime) -> Undo:
    """Sign a reading of COVID-19, undo the signature and release the case."""

    def undo(case: Case, by: User = radiologist, at: datetime = now) -> Reading:
        reading = sign(case, by, at)
        undo_services.undo_signature(case=case, by=by, now=at + SECOND)
        claims.release(case=case, by=by, now=at + SECOND)
        reading.refresh_from_db()
        return reading

    return undo


def test_an_undone_signature_keeps_the_row_as_it_was_signed(
    admit: Admit, radiologist: User, now: datetime
) -> None:
    case = admit(1)
    sign(case, radiologist, now)
    before = Reading.objects.values().get()
    undo_services.undo_signature(case=case, by=radiologist, now=now + SECOND)
    assert Reading.objects.values().get() == before | {"withdrawn_at": now + SECOND}


def test_undoing_writes_nothing_but_the_time_of_withdrawal(
    admit: Admit, radiologist: User, now: datetime
) -> None:
    case = admit(1)
    sign(case, radiologist, now)
    with CaptureQueriesContext(connection) as queries:
        undo_services.undo_signature(case=case, by=radiologist, now=now + SECOND)
    writes = [
        query["sql"]
        for query in queries
        if "review_reading" in query["sql"].split("WHERE")[0] and not query["sql"].startswith("SELECT")
    ]
    (update,) = writes
    assert update.split(" WHERE ")[0].startswith('UPDATE "review_reading" SET "withdrawn_at" = ')
    assert update.count(" = ") == 2  # the column and the row


def test_a_withdrawn_reading_cannot_be_withdrawn_again(
    admit: Admit, undo: Undo, radiologist: User, now: datetime
) -> None:
    reading = undo(admit(1))
    with pytest.raises(CannotUndo, match="not signed"):
        undo_services.undo_signature(case=reading.case, by=radiologist, now=now + 5 * SECOND)
    reading.refresh_from_db()
    assert reading.withdrawn_at == now + SECOND
    assert undo_services.undoable_reading(radiologist, now + 5 * SECOND) is None


def test_the_reader_signs_again_and_only_the_second_reading_counts(
    admit: Admit, undo: Undo, radiologist: User, now: datetime
) -> None:
    withdrawn = undo(admit(1))
    again = sign(withdrawn.case, radiologist, now + 20 * SECOND, "normal")
    assert Reading.objects.count() == 2
    assert list(reading_selectors.readings_of(withdrawn.case)) == [again]
    assert reading_selectors.own_reading(withdrawn.case, radiologist) == again
    assert reading_selectors.current_reading(withdrawn.case) == again
    assert Consensus.objects.get().finding == "normal"
    assert list(training_labels.training_readings()) == [again]


def test_the_database_refuses_a_second_first_reading_but_not_beside_a_withdrawn_one(
    admit: Admit, undo: Undo, radiologist: User, now: datetime
) -> None:
    case = undo(admit(1)).case
    Reading.objects.create(case=case, by=radiologist, finding="other", signed_at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Reading.objects.create(case=case, by=radiologist, finding="normal", signed_at=now)


def test_the_standing_readings_leave_withdrawn_ones_out_and_the_manager_does_not(
    admit: Admit, undo: Undo
) -> None:
    withdrawn = undo(admit(1))
    assert list(Reading.objects.all()) == [withdrawn]
    assert not reading_selectors.standing_readings().exists()
    assert not withdrawn.case.readings.standing().exists()


def test_the_case_returns_to_the_queue_and_to_no_consensus(
    admit: Admit, undo: Undo, radiologist: User, now: datetime
) -> None:
    case = undo(admit(1)).case
    case.refresh_from_db()
    assert case.finalized_at is None
    assert reading_selectors.consensus(case) is None
    assert list(queues.readable_cases(radiologist, now)) == [case]
    assert not adjudication.needs_adjudication(case)
    later = now + timedelta(hours=1)
    assert list_counts.counts(radiologist, later)[WorklistState.TO_READ] == 1
    progress = list_counts.day_progress(radiologist, later)
    assert (progress.signed, progress.to_read) == (0, 1)


@pytest.mark.usefixtures("two_readers")
def test_a_withdrawn_reading_is_no_vote_and_no_reading_of_a_pair(
    admit: Admit,
    undo: Undo,
    radiologist: User,
    second_radiologist: User,
    administrator: User,
    now: datetime,
) -> None:
    case = undo(admit(1)).case
    sign(case, second_radiologist, now, "normal")
    assert Consensus.objects.get(case=case).status == ConsensusStatus.SECOND_READ
    sign(case, radiologist, now + 20 * SECOND, "normal")
    assert Consensus.objects.get(case=case).finding == "normal"
    assert reader_agreement.first_readings(administrator).count() == 2
    kept_figures.recount_changed()
    agreement = reader_agreement.agreement_of_readers(administrator)
    assert (agreement.alpha.cases, [pair.same for pair in agreement.pairs]) == (1, [1])


@pytest.mark.usefixtures("two_readers")
def test_a_withdrawn_adjudication_leaves_the_case_in_need_of_one(
    admit: Admit,
    radiologist: User,
    second_radiologist: User,
    third_radiologist: User,
    now: datetime,
) -> None:
    case = admit(1)
    sign(case, radiologist, now, "normal")
    sign(case, second_radiologist, now, "pneumonia")
    decision = sign(case, third_radiologist, now)
    assert decision.kind == ReadingKind.ADJUDICATION
    Reading.objects.filter(pk=decision.pk).update(withdrawn_at=now)
    case.refresh_from_db()
    update_consensus(case, now)
    assert Consensus.objects.get(case=case).status == ConsensusStatus.NEEDS_ADJUDICATION
    assert decision not in adjudication.disagreeing_readings(case)
    assert list(adjudication.adjudication_cases(third_radiologist, now)) == [case]


def test_a_withdrawn_reading_contradicts_no_prediction(
    admit: Admit, classify: Classify, undo: Undo, second_radiologist: User, site: Site, now: datetime
) -> None:
    case = admit(1)
    prediction = classify(case)
    prediction.finding = "normal"
    prediction.save()
    undo(case)
    shares = {"uncertain_percent": 0, "contradicted_percent": 100, "novel_percent": 0}
    policy = ReadingPolicy.objects.create(site=site, **shares)
    drawn = active_learning.draw(queues.readable_cases(second_radiologist, now), policy, FixedDraw(0.0))
    assert drawn is not None
    assert drawn[1] == "random"


def test_no_export_list_or_page_shows_a_withdrawn_reading(
    admit: Admit,
    undo: Undo,
    client: Client,
    radiologist: User,
    second_radiologist: User,
    administrator: User,
    now: datetime,
) -> None:
    case = undo(admit(1)).case
    script = Client(headers={"Authorization": f"Token {create_token(by=radiologist, now=timezone.now())}"})
    assert script.get(reverse("api-readings", args=[case.pk])).json() == []
    again = sign(case, radiologist, now + 20 * SECOND, "normal")
    listed = script.get(reverse("api-readings", args=[case.pk])).json()
    assert [each["id"] for each in listed] == [str(again.pk)]
    client.force_login(administrator)
    response = client.post(reverse("review:export"), {"case": str(case.pk)})
    (row,) = csv.DictReader(io.StringIO(response.content.decode()))
    assert (row["readings"], row["finding"]) == ("1", "normal")
    table = client.get(reverse("review:readers-export")).getvalue().decode()
    assert table.count(str(case.pk)) == 1
    client.force_login(radiologist)
    assert "All readings" not in client.get(reverse("review:case", args=[case.pk])).content.decode()


def test_who_has_only_a_withdrawn_reading_sees_no_other_reading_and_requests_no_opinion(
    two_readers: None,
    admit: Admit,
    undo: Undo,
    radiologist: User,
    second_radiologist: User,
    now: datetime,
) -> None:
    case = undo(admit(1)).case
    sign(case, second_radiologist, now)
    with pytest.raises(FirstReadingRequired):
        reading_selectors.readings_visible_to(radiologist, case)
    with pytest.raises(FirstReadingRequired):
        second_opinion.request_second_opinion(case=case, by=radiologist, now=now)


def test_a_withdrawn_reading_of_a_control_case_measures_no_reader(
    control_policy: ReadingPolicy,
    reference_case: Case,
    undo: Undo,
    radiologist: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    control = add_control(admit(1), radiologist, now)
    undo(control)
    kept_figures.recount_changed()
    assert reader_performance.reference_performance(administrator) == []
    counted = reference_cases.reference_cases(administrator).get()
    assert (counted.served, counted.read) == (1, 0)
    sign(control, radiologist, now + 20 * SECOND)
    kept_figures.recount_changed()
    (row,) = reader_performance.reference_performance(administrator)
    assert (row.sensitivity.count, row.sensitivity.total) == (1, 1)


def test_a_withdrawn_reading_is_not_repeated_after_four_weeks(
    control_policy: ReadingPolicy, undo: Undo, radiologist: User, admit: Admit, now: datetime
) -> None:
    undo(admit(1), at=now - MONTH)
    reading = sign(admit(2), radiologist, now)
    assert control_cases.add_after_reading(reading, now, FixedDraw(0.5)) is None


def test_a_new_first_reading_is_amended_and_the_withdrawn_one_is_not(
    admit: Admit, undo: Undo, radiologist: User, now: datetime
) -> None:
    withdrawn = undo(admit(1))
    again = sign(withdrawn.case, radiologist, now + 20 * SECOND, "normal")
    later = now + 30 * SECOND
    with pytest.raises(ReadingWithdrawn):
        readings.amend_reading(reading=withdrawn, by=radiologist, now=later, **CHANGE)
    amended = readings.amend_reading(reading=again, by=radiologist, now=later, **CHANGE)
    assert amended.supersedes == again
    assert Consensus.objects.get().finding == "other"
    with pytest.raises(AlreadySuperseded):
        readings.amend_reading(reading=again, by=radiologist, now=later, **CHANGE)


def test_an_amendment_cannot_be_withdrawn_so_the_chain_stays_whole(
    admit: Admit, radiologist: User, now: datetime
) -> None:
    case = admit(1)
    first = sign(case, radiologist, now)
    amended = readings.amend_reading(reading=first, by=radiologist, now=now + SECOND, **CHANGE)
    with pytest.raises(CannotUndo):
        undo_services.undo_signature(case=case, by=radiologist, now=now + 2 * SECOND)
    with pytest.raises(IntegrityError), transaction.atomic():
        Reading.objects.filter(pk=amended.pk).update(withdrawn_at=now)
    assert list(reading_selectors.readings_of(case)) == [amended, first]
