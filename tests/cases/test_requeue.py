"""The periodic task that requeues lost predictions and sends lost messages again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import errors, periodic
from diagnostics.cases.models import Case, Prediction, Priority
from diagnostics.cases.services import requeue
from diagnostics.jobs.models import JobStatus
from tests.cases.conftest import take_messages

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=15)

pytestmark = pytest.mark.django_db(transaction=True)
QueueRow = Callable[..., Prediction]


@pytest.fixture
def row(technician: User, site: Site, now: datetime) -> QueueRow:
    """Return a function that creates a queued prediction without a message."""

    def queue(*, queued_at: datetime = now, priority: str = Priority.ROUTINE, **columns: Any) -> Prediction:
        case = Case.objects.create(
            site=site, patient_ref="P-1", priority=priority, opened_by=technician, opened_at=queued_at
        )
        return Prediction.objects.create(case=case, queued_at=queued_at, **columns)

    return queue


def named(*rows: Prediction) -> list[str]:
    return sorted(str(row.pk) for row in rows)


def test_a_prediction_with_an_expired_lease_is_requeued(row: QueueRow, messages: Path, now: datetime):
    lost = row()
    Prediction.claim(lost.pk, worker="w", lease=LEASE, now=now)

    assert requeue.requeue_lost(now=now + LEASE + SECOND) == 1

    lost.refresh_from_db()
    assert (lost.status, lost.token, lost.attempts, lost.queued_at) == (JobStatus.QUEUED, None, 1, now)
    assert take_messages(messages) == named(lost)


def test_a_prediction_within_its_lease_is_not_requeued(row: QueueRow, messages: Path, now: datetime):
    running = row()
    token = Prediction.claim(running.pk, worker="w", lease=LEASE, now=now)

    assert requeue.requeue_lost(now=now + LEASE) == 0

    running.refresh_from_db()
    assert (running.status, running.token) == (JobStatus.RUNNING, token)
    assert take_messages(messages) == []


def test_a_prediction_fails_after_three_lost_workers(row: QueueRow, messages: Path, now: datetime):
    lost = row()
    at = now
    for _ in range(3):
        Prediction.claim(lost.pk, worker="w", lease=LEASE, now=at)
        at += LEASE + SECOND
        requeue.requeue_lost(now=at)

    lost.refresh_from_db()
    assert (lost.status, lost.attempts, lost.failure_code) == (JobStatus.FAILED, 3, "worker_lost")
    assert lost.failure_text == errors.failure_text("worker_lost")
    event = AuditEvent.objects.get(action=Action.PREDICTION_FAILED)
    assert (event.by, event.target_id, event.at) == (None, str(lost.case.pk), at)
    assert len(take_messages(messages)) == 2  # after the first and the second loss
    assert requeue.requeue_lost(now=at + timedelta(hours=1)) == 0


def test_a_worker_that_lost_its_lease_can_neither_finish_nor_renew(row: QueueRow, now: datetime):
    lost = row()
    token = Prediction.claim(lost.pk, worker="slow", lease=LEASE, now=now)
    assert token is not None
    requeue.requeue_lost(now=now + LEASE + SECOND)

    assert not Prediction.finish(lost.pk, token=token, now=now + LEASE + 2 * SECOND, finding="normal")
    assert not Prediction.renew(lost.pk, token=token, lease=LEASE, now=now)


def test_a_prediction_that_is_not_claimed_is_enqueued_again_after_ten_seconds(
    row: QueueRow, messages: Path, now: datetime
):
    unclaimed = row()

    assert requeue.requeue_lost(now=now + 9 * SECOND) == 0
    assert requeue.requeue_lost(now=now + 11 * SECOND) == 1
    assert take_messages(messages) == named(unclaimed)


def test_messages_back_off_exponentially_without_a_worker(row: QueueRow, messages: Path, now: datetime):
    row()
    for second in range(0, 3600, 5):
        requeue.requeue_lost(now=now + second * SECOND)

    # Doubling from 10 s to 5 min, then one in 5 min: about 5 and 11 in an hour of 720 runs.
    assert 10 <= len(take_messages(messages)) <= 20


def test_a_long_queue_with_active_workers_is_not_enqueued_again(row: QueueRow, messages: Path, now: datetime):
    running = row(queued_at=now - timedelta(minutes=20))
    for position in range(50):
        row(queued_at=now - timedelta(minutes=10) + position * SECOND)
    Prediction.claim(running.pk, worker="w", lease=LEASE, now=now)

    assert requeue.requeue_lost(now=now + SECOND) == 0
    assert take_messages(messages) == []


def test_an_overtaken_prediction_is_enqueued_again_while_workers_are_active(
    row: QueueRow, messages: Path, now: datetime
):
    overtaken = row(queued_at=now - timedelta(minutes=3))
    running = row(queued_at=now - timedelta(minutes=2))
    row(queued_at=now - timedelta(minutes=1))
    Prediction.claim(running.pk, worker="w", lease=LEASE, now=now)

    assert requeue.requeue_lost(now=now + SECOND) == 1
    assert take_messages(messages) == named(overtaken)


def test_a_stat_prediction_does_not_count_as_overtaking(row: QueueRow, messages: Path, now: datetime):
    row(queued_at=now - timedelta(minutes=3))
    stat = row(queued_at=now - timedelta(minutes=1), priority=Priority.STAT)
    Prediction.claim(stat.pk, worker="w", lease=LEASE, now=now)

    assert requeue.requeue_lost(now=now + SECOND) == 0
    assert take_messages(messages) == []


@pytest.mark.slow
def test_after_a_loss_of_ten_thousand_messages_the_oldest_are_enqueued_first(
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
        Prediction(case=one, queued_at=now - timedelta(hours=1) + position * SECOND / 100)
        for position, one in enumerate(cases)
    )

    count = requeue.requeue_lost(now=now)

    sent = take_messages(messages)
    assert count == len(sent) == requeue.MAX_RESENT
    assert str(first.pk) in sent


def test_messages_are_sent_once_the_broker_is_available_again(row: QueueRow, messages: Path, now: datetime):
    queued = row(queued_at=now - timedelta(hours=1))
    away = messages.rename(messages.with_name("away"))
    try:
        assert requeue.requeue_lost(now=now) == 0
    finally:
        away.rename(messages)

    assert requeue.requeue_lost(now=now + SECOND) == 1
    assert take_messages(messages) == named(queued)


def test_the_periodic_task_sends_nothing_without_lost_predictions(site: Site, messages: Path):
    periodic.requeue_lost()

    assert take_messages(messages) == []
