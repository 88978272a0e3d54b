"""Interruptions of a job: orderly stops, losses with and without progress, and jumps of the clock."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.utils import timezone

from diagnostics.jobs import lease as lease_module
from diagnostics.jobs.errors import LeaseLost, WorkerStopping
from diagnostics.jobs.lease import Lease
from diagnostics.jobs.models import MAX_ATTEMPTS, JobStatus
from diagnostics.jobs.requeue import requeue_all
from diagnostics.jobs.stop_flag import WORKER_STOP
from diagnostics.training.models import Epoch, TrainingRun
from diagnostics.training.services.requeue import RULES
from webapp.celery_config import BEAT_SCHEDULE

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = settings.TRAINING_LEASE
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _clear_stop_flag() -> Iterator[None]:
    yield
    WORKER_STOP.clear()


@pytest.fixture
def run(now: datetime) -> TrainingRun:
    return TrainingRun.objects.create(number=1, queued_at=now)


def claim(run: TrainingRun, at: datetime) -> UUID:
    token = TrainingRun.claim(run.pk, worker="host:1", lease=LEASE, now=at)
    assert token is not None
    return token


def complete_epoch(run: TrainingRun, number: int) -> None:
    metrics = dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy", "seconds"), 1.0)
    Epoch.objects.create(run=run, number=number, planned_epochs=9, **metrics)


def lose(run: TrainingRun, at: datetime) -> datetime:
    """Claim the run at a time, let its lease expire, run the periodic task and return its time."""
    claim(run, at)
    later = at + LEASE + SECOND
    requeue_all(RULES, now=later)
    run.refresh_from_db()
    return later


def test_a_stopped_worker_releases_its_job_at_the_end_of_the_heartbeat(run: TrainingRun) -> None:
    lease = Lease.claim(TrainingRun, run.pk, duration=LEASE)
    assert lease is not None
    with lease.heartbeat():
        WORKER_STOP.set()
        with pytest.raises(WorkerStopping):
            lease.should_stop()

    run.refresh_from_db()
    assert (run.status, run.token, run.lost_attempts, run.attempts) == (JobStatus.QUEUED, None, 0, 1)
    assert not TrainingRun.with_expired_lease(now=timezone.now() + HOUR).exists()
    assert requeue_all(RULES, now=timezone.now() + SECOND) == 1  # the message of the next attempt


def test_a_stopped_worker_releases_its_job_while_a_native_call_blocks_it(
    run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "STOP_GRACE", 0.0)
    lease = Lease.claim(TrainingRun, run.pk, duration=timedelta(seconds=1))
    assert lease is not None
    with lease.heartbeat():
        WORKER_STOP.set()
        time.sleep(1)
        run.refresh_from_db()
        status_during_the_call = run.status
        with pytest.raises(LeaseLost):
            lease.check()

    assert status_during_the_call == JobStatus.QUEUED


def test_a_job_that_ends_before_its_worker_stops_stays_done(run: TrainingRun, now: datetime) -> None:
    lease = Lease.claim(TrainingRun, run.pk, duration=LEASE)
    assert lease is not None
    with lease.heartbeat():
        WORKER_STOP.set()
        assert TrainingRun.finish(run.pk, token=lease.token, now=now)

    run.refresh_from_db()
    assert run.status == JobStatus.DONE


def test_a_child_process_sees_the_stop_flag_of_its_worker() -> None:
    fork = multiprocessing.get_context("fork")
    asked, answers = fork.Event(), fork.Queue()

    def child() -> None:
        asked.wait()
        answers.put(WORKER_STOP.is_set())

    process = fork.Process(target=child)
    process.start()
    WORKER_STOP.set()
    asked.set()

    assert answers.get(timeout=30) is True
    process.join()


def test_orderly_stops_are_never_counted(run: TrainingRun, now: datetime) -> None:
    for _stop in range(2 * MAX_ATTEMPTS):
        token = claim(run, now)
        assert TrainingRun.release(run.pk, token=token, resend_at=now)

    run.refresh_from_db()
    assert (run.status, run.attempts, run.lost_attempts) == (JobStatus.QUEUED, 2 * MAX_ATTEMPTS, 0)


def test_losses_after_a_further_epoch_are_not_counted(run: TrainingRun, now: datetime) -> None:
    at = now
    for number in range(1, 2 * MAX_ATTEMPTS):
        complete_epoch(run, number)
        at = lose(run, at)

    assert (run.status, run.lost_attempts, run.attempts) == (JobStatus.QUEUED, 0, 2 * MAX_ATTEMPTS - 1)


def test_a_run_lost_three_times_in_the_same_epoch_fails(run: TrainingRun, now: datetime) -> None:
    complete_epoch(run, 1)
    at = lose(run, now)
    states = []
    for _loss in range(MAX_ATTEMPTS):
        at = lose(run, at)
        states.append((run.status, run.lost_attempts))

    assert states == [(JobStatus.QUEUED, 1), (JobStatus.QUEUED, 2), (JobStatus.FAILED, 3)]


def test_a_lost_run_is_requeued_within_thirty_seconds_of_its_last_heartbeat() -> None:
    period = timedelta(seconds=BEAT_SCHEDULE["training.requeue_and_schedule"]["schedule"].seconds)

    assert LEASE + period <= timedelta(seconds=30)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_jump_of_the_clock_requeues_no_job_whose_worker_lives(
    jump: timedelta, run: TrainingRun, now: datetime
) -> None:
    token, at = claim(run, now), now + jump

    for _tick in range(5):
        assert requeue_all(RULES, now=at) == 0
        assert TrainingRun.renew(run.pk, token=token, lease=LEASE, now=at + LEASE / 5)
        at += 5 * SECOND


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_jump_of_the_clock_delays_a_job_whose_worker_died_by_seconds(
    jump: timedelta, run: TrainingRun, now: datetime
) -> None:
    claim(run, now)

    assert requeue_all(RULES, now=now + jump) == 0
    assert requeue_all(RULES, now=now + jump + LEASE / 2) == 1


def test_a_lost_message_is_sent_again_after_the_clock_was_set_back(run: TrainingRun, now: datetime) -> None:
    assert requeue_all(RULES, now=now - HOUR) == 1  # queued an hour in the future
    run.refresh_from_db()
    assert run.lease_until == now - HOUR + RULES.resend_after

    assert requeue_all(RULES, now=now - 2 * HOUR) == 1  # its next message is due an hour in the future


def test_two_schedulers_requeue_a_lost_job_once(run: TrainingRun, now: datetime) -> None:
    claim(run, now)
    later = now + LEASE + SECOND

    assert [requeue_all(RULES, now=later), requeue_all(RULES, now=later)] == [1, 0]

    run.refresh_from_db()
    assert (run.status, run.lost_attempts) == (JobStatus.QUEUED, 1)
