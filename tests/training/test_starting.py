"""Starting, stopping and scheduling runs, and what brings lost ones back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.training import errors
from diagnostics.training.errors import TooFewLabels
from diagnostics.training.models import Schedule, TrainingRun, Trigger
from diagnostics.training.policy import Parameters
from diagnostics.training.selectors import labels, runs
from diagnostics.training.services import requeue, run_control, schedule
from tests.training.conftest import Sign

Enough = Callable[[], None]
QUICK = Parameters.of("tiny-cnn", epochs=1)


def start(by: User | None, now: datetime) -> TrainingRun:
    return run_control.start_run(by=by, parameters=QUICK, trigger=Trigger.BUTTON, now=now)


def test_a_run_is_queued_and_the_worker_called(
    active_version: ModelVersion,
    enough: Enough,
    administrator: User,
    now: datetime,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    enough()

    with django_capture_on_commit_callbacks() as calls:
        run = start(administrator, now)

    assert len(calls) == 1
    assert (run.number, run.status, run.parent, run.started_by) == (
        1,
        "queued",
        active_version,
        administrator,
    )
    assert AuditEvent.objects.get(action=Action.RUN_STARTED).target_id == str(run.pk)


def test_a_second_run_is_refused_while_one_is_open(
    active_version: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    start(administrator, now)

    with pytest.raises(errors.AlreadyTraining):
        start(administrator, now)


def test_the_database_keeps_one_open_run(db: None, now: datetime) -> None:
    TrainingRun.objects.create(number=1, queued_at=now)

    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingRun.objects.create(number=2, queued_at=now)


@pytest.mark.django_db(transaction=True)
def test_two_starts_at_the_same_moment_make_one_run(
    active_version: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    ready = threading.Barrier(2)
    outcomes: list[str] = []

    def press() -> None:
        ready.wait()
        try:
            outcomes.append(f"run {start(administrator, now).number}")
        except errors.AlreadyTraining as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    hands = [threading.Thread(target=press) for _ in range(2)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()

    assert sorted(outcomes) == ["already_training", "run 1"]
    assert TrainingRun.objects.count() == 1


def test_too_few_patients_are_refused_though_radiographs_are_many(
    active_version: ModelVersion, sign: Sign, administrator: User, now: datetime
) -> None:
    for _ in range(12):
        sign("covid-19", patient="MRN-one")
        sign("normal", patient="MRN-two")

    with pytest.raises(TooFewLabels, match="COVID-19: 1;"):
        start(administrator, now)


def test_nothing_starts_without_a_version_in_force(
    enough: Enough, administrator: User, now: datetime
) -> None:
    enough()

    with pytest.raises(errors.NoActiveVersion):
        start(administrator, now)


def test_a_radiologist_may_neither_start_nor_stop_nor_schedule(
    active_version: ModelVersion, enough: Enough, administrator: User, radiologist: User, now: datetime
) -> None:
    enough()
    with pytest.raises(NotAllowed):
        start(radiologist, now)
    run = start(administrator, now)
    with pytest.raises(NotAllowed):
        run_control.stop_run(run=run, by=radiologist, now=now)
    with pytest.raises(NotAllowed):
        plan(radiologist, now)


def test_stopping_is_asked_once_and_not_of_a_run_that_is_over(
    active_version: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    run = start(administrator, now)

    run_control.stop_run(run=run, by=administrator, now=now)
    run_control.stop_run(run=run, by=administrator, now=now)

    run.refresh_from_db()
    assert run.stop_requested
    assert AuditEvent.objects.filter(action=Action.RUN_STOPPED).count() == 1
    TrainingRun.objects.update(status=JobStatus.DONE)
    with pytest.raises(errors.RunNotRunning):
        run_control.stop_run(run=run, by=administrator, now=now)


def plan(by: User, now: datetime, **changes: Any) -> Schedule:
    wanted = {"enabled": True, "every_days": 7, "at_hour": 2, "minimum_new_readings": 10} | changes
    return schedule.set_schedule(by=by, now=now, **wanted)


def test_the_schedule_starts_a_run_when_due_and_only_then(
    active_version: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    plan(administrator, now)
    due = (now + timedelta(days=1)).replace(hour=2, minute=0)

    assert schedule.evaluate_schedule(now=due - timedelta(minutes=1)) is None
    run = schedule.evaluate_schedule(now=due)

    assert run is not None
    assert (run.trigger, run.started_by) == ("schedule", None)
    assert schedule.evaluate_schedule(now=due + timedelta(seconds=30)) is None
    assert TrainingRun.objects.count() == 1


def test_the_schedule_says_why_it_started_nothing(
    active_version: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    plan(administrator, now, minimum_new_readings=11)
    due = now + timedelta(days=1)

    assert schedule.evaluate_schedule(now=due) is None

    refusal = runs.last_scheduled_refusal()
    assert refusal is not None
    assert refusal.detail["not_started"] == "too_few_new"
    assert "10 new findings" in refusal.detail["reason"]
    assert runs.next_look(runs.schedule()) == (now + timedelta(days=8)).replace(hour=2, minute=0)


def test_a_schedule_that_is_off_starts_nothing(
    active_version: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    plan(administrator, now, enabled=False)

    assert schedule.evaluate_schedule(now=now + timedelta(days=30)) is None
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize("wrong", [{"every_days": 0}, {"at_hour": 24}, {"minimum_new_readings": 0}])
def test_a_schedule_out_of_range_is_refused(
    administrator: User, now: datetime, wrong: dict[str, int]
) -> None:
    with pytest.raises(errors.InvalidSchedule):
        plan(administrator, now, **wrong)


def test_only_readings_since_the_last_finished_run_count_as_new(
    active_version: ModelVersion, sign: Sign, now: datetime
) -> None:
    sign("normal", at=now - timedelta(days=2))
    sign("normal", at=now)
    sign("cannot-judge", at=now)
    TrainingRun.objects.create(
        number=1, status=JobStatus.DONE, queued_at=now, started_at=now - timedelta(days=1)
    )

    assert labels.new() == 1


def lost_run(now: datetime, *, attempts: int) -> TrainingRun:
    return TrainingRun.objects.create(
        number=1,
        status=JobStatus.RUNNING,
        attempts=attempts,
        token=uuid4(),
        lease_until=now - timedelta(seconds=1),
        queued_at=now - timedelta(hours=1),
    )


def test_a_run_whose_worker_died_is_queued_again(db: None, now: datetime) -> None:
    run = lost_run(now, attempts=2)

    requeue.requeue_lost(now=now)

    run.refresh_from_db()
    assert (run.status, run.token) == ("queued", None)


def test_the_third_lost_worker_fails_the_run_with_a_reason(
    homes: Path,
    db: None,
    now: datetime,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    run = lost_run(now, attempts=3)
    runs.checkpoints(run).mkdir(parents=True)

    with django_capture_on_commit_callbacks(execute=True):
        requeue.requeue_lost(now=now)

    run.refresh_from_db()
    assert not runs.checkpoints(run).exists()
    assert (run.status, run.failure_code) == ("failed", "worker_lost")
    assert "three times" in run.failure_text
    assert AuditEvent.objects.filter(action=Action.RUN_FAILED).count() == 1


def test_a_run_whose_worker_lives_is_left_alone(db: None, now: datetime) -> None:
    run = lost_run(now, attempts=1)

    requeue.requeue_lost(now=now - timedelta(minutes=1))

    run.refresh_from_db()
    assert run.status == "running"
