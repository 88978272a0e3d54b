"""What the clock brings back, and what it leaves alone."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import errors, periodic
from diagnostics.cases.models import Case, Prediction, Priority
from diagnostics.cases.services import requeue
from diagnostics.jobs.models import JobStatus

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=15)

pytestmark = pytest.mark.django_db(transaction=True)
QueueRow = Callable[..., Prediction]


@pytest.fixture
def messages() -> Iterator[Path]:
    """Give the folder of the embedded broker, empty."""
    folder = Path(django_settings.CELERY["broker_transport_options"]["data_folder_out"])
    knocks(folder)
    yield folder
    knocks(folder)


def knocks(folder: Path) -> list[str]:
    """Take all messages out of the broker and say which rows they name."""
    named = []
    for message in sorted(folder.glob("*.msg")):
        body = json.loads(message.read_text())["body"]
        named.append(json.loads(b64decode(body))[0][0])
        message.unlink()
    return sorted(named)


@pytest.fixture
def row(technician: User, site: Site, now: datetime) -> QueueRow:
    """Give a way to put rows into the queue without a knock."""

    def queue(*, queued_at: datetime = now, priority: str = Priority.ROUTINE, **columns: Any) -> Prediction:
        case = Case.objects.create(
            site=site, patient_ref="P-1", priority=priority, opened_by=technician, opened_at=queued_at
        )
        return Prediction.objects.create(case=case, queued_at=queued_at, **columns)

    return queue


def named(*rows: Prediction) -> list[str]:
    return sorted(str(row.pk) for row in rows)


def test_a_row_whose_worker_lost_is_queued_again(row: QueueRow, messages: Path, now: datetime):
    lost = row()
    Prediction.claim(lost.pk, worker="w", lease=LEASE, now=now)

    assert requeue.requeue_lost(now=now + LEASE + SECOND) == 1

    lost.refresh_from_db()
    assert (lost.status, lost.token, lost.attempts, lost.queued_at) == (JobStatus.QUEUED, None, 1, now)
    assert knocks(messages) == named(lost)


def test_a_row_within_its_lease_is_left_alone(row: QueueRow, messages: Path, now: datetime):
    held = row()
    token = Prediction.claim(held.pk, worker="w", lease=LEASE, now=now)

    assert requeue.requeue_lost(now=now + LEASE) == 0

    held.refresh_from_db()
    assert (held.status, held.token) == (JobStatus.RUNNING, token)
    assert knocks(messages) == []


def test_the_third_death_is_the_last(row: QueueRow, messages: Path, now: datetime):
    poison = row()
    at = now
    for _ in range(3):
        Prediction.claim(poison.pk, worker="w", lease=LEASE, now=at)
        at += LEASE + SECOND
        requeue.requeue_lost(now=at)

    poison.refresh_from_db()
    assert (poison.status, poison.attempts, poison.failure_code) == (JobStatus.FAILED, 3, "worker_lost")
    assert poison.failure_text == errors.failure_text("worker_lost")
    event = AuditEvent.objects.get(action=Action.CLASSIFICATION_FAILED)
    assert (event.by, event.target_id, event.at) == (None, str(poison.case.pk), at)
    assert len(knocks(messages)) == 2  # after the first death and after the second
    assert requeue.requeue_lost(now=at + timedelta(hours=1)) == 0


def test_a_worker_that_was_given_up_can_no_longer_answer(row: QueueRow, now: datetime):
    lost = row()
    token = Prediction.claim(lost.pk, worker="slow", lease=LEASE, now=now)
    assert token is not None
    requeue.requeue_lost(now=now + LEASE + SECOND)

    assert not Prediction.finish(lost.pk, token=token, now=now + LEASE + 2 * SECOND, finding="normal")
    assert not Prediction.renew(lost.pk, token=token, lease=LEASE, now=now)


def test_a_row_that_nobody_took_is_knocked_for_again(row: QueueRow, messages: Path, now: datetime):
    forgotten = row()

    assert requeue.requeue_lost(now=now + 9 * SECOND) == 0
    assert requeue.requeue_lost(now=now + 11 * SECOND) == 1
    assert knocks(messages) == named(forgotten)


def test_knocks_for_a_dead_worker_become_rarer(row: QueueRow, messages: Path, now: datetime):
    row()
    for tick in range(0, 3600, 5):
        requeue.requeue_lost(now=now + tick * SECOND)

    # Doubling from 10 s to 5 min, then one in 5 min: about 5 and 11 in an hour of 720 ticks.
    assert 10 <= len(knocks(messages)) <= 20


def test_a_long_queue_in_front_of_busy_workers_is_no_loss(row: QueueRow, messages: Path, now: datetime):
    at_work = row(queued_at=now - timedelta(minutes=20))
    for place in range(50):
        row(queued_at=now - timedelta(minutes=10) + place * SECOND)
    Prediction.claim(at_work.pk, worker="w", lease=LEASE, now=now)

    assert requeue.requeue_lost(now=now + SECOND) == 0
    assert knocks(messages) == []


def test_a_row_that_was_passed_over_is_knocked_for_though_workers_are_busy(
    row: QueueRow, messages: Path, now: datetime
):
    passed_over = row(queued_at=now - timedelta(minutes=3))
    at_work = row(queued_at=now - timedelta(minutes=2))
    row(queued_at=now - timedelta(minutes=1))
    Prediction.claim(at_work.pk, worker="w", lease=LEASE, now=now)

    assert requeue.requeue_lost(now=now + SECOND) == 1
    assert knocks(messages) == named(passed_over)


def test_a_stat_radiograph_that_goes_first_passes_nobody_over(row: QueueRow, messages: Path, now: datetime):
    row(queued_at=now - timedelta(minutes=3))
    stat = row(queued_at=now - timedelta(minutes=1), priority=Priority.STAT)
    Prediction.claim(stat.pk, worker="w", lease=LEASE, now=now)

    assert requeue.requeue_lost(now=now + SECOND) == 0
    assert knocks(messages) == []


def test_a_broker_that_forgot_ten_thousand_rows_is_reminded_of_the_oldest(
    row: QueueRow, messages: Path, now: datetime
):
    first = row(queued_at=now - timedelta(hours=2))
    case = first.case
    Case.objects.bulk_create(
        cases := [
            Case(site=case.site, patient_ref="P", opened_by=case.opened_by, opened_at=now)
            for _ in range(10_000)
        ]
    )
    Prediction.objects.bulk_create(
        Prediction(case=one, queued_at=now - timedelta(hours=1) + place * SECOND / 100)
        for place, one in enumerate(cases)
    )

    brought_back = requeue.requeue_lost(now=now)

    reminded = knocks(messages)
    assert brought_back == len(reminded) == requeue.MAX_RESENT
    assert str(first.pk) in reminded


def test_while_the_broker_is_away_the_clock_waits_and_then_knocks_at_once(
    row: QueueRow, messages: Path, now: datetime
):
    waiting = row(queued_at=now - timedelta(hours=1))
    away = messages.rename(messages.with_name("away"))
    try:
        assert requeue.requeue_lost(now=now) == 0
    finally:
        away.rename(messages)

    assert requeue.requeue_lost(now=now + SECOND) == 1
    assert knocks(messages) == named(waiting)


def test_the_tick_says_nothing_when_all_is_well(site: Site, messages: Path):
    periodic.requeue_lost()

    assert knocks(messages) == []
