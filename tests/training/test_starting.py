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
from diagnostics.base import NotAllowed, Status
from diagnostics.registry.models import ModelVersion
from diagnostics.training import labels, selectors, services
from diagnostics.training.models import Schedule, TrainingRun, Trigger
from diagnostics.training.policy import Parameters, TooFewLabels
from tests.training.conftest import Sign

Enough = Callable[[], None]
QUICK = Parameters.of("tiny-cnn", epochs=1)


def start(by: User | None, now: datetime) -> TrainingRun:
    return services.start_run(by=by, parameters=QUICK, trigger=Trigger.BUTTON, now=now)


def test_a_run_is_queued_and_the_worker_called(
    in_force: ModelVersion,
    enough: Enough,
    administrator: User,
    now: datetime,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    enough()

    with django_capture_on_commit_callbacks() as calls:
        run = start(administrator, now)

    assert len(calls) == 1
    assert (run.number, run.status, run.parent, run.started_by) == (1, "queued", in_force, administrator)
    assert AuditEvent.objects.get(action=Action.RUN_STARTED).target_id == str(run.pk)


def test_a_second_run_is_refused_while_one_is_open(
    in_force: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    start(administrator, now)

    with pytest.raises(services.AlreadyTraining):
        start(administrator, now)


def test_the_database_keeps_one_open_run(db: None, now: datetime) -> None:
    TrainingRun.objects.create(number=1, queued_at=now)

    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingRun.objects.create(number=2, queued_at=now)


@pytest.mark.django_db(transaction=True)
def test_two_starts_at_the_same_moment_make_one_run(
    in_force: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    ready = threading.Barrier(2)
    outcomes: list[str] = []

    def press() -> None:
        ready.wait()
        try:
            outcomes.append(f"run {start(administrator, now).number}")
        except services.AlreadyTraining as refusal:
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


def test_too_few_patients_are_refused_though_films_are_many(
    in_force: ModelVersion, sign: Sign, administrator: User, now: datetime
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

    with pytest.raises(services.NoVersionInForce):
        start(administrator, now)


def test_a_radiologist_may_neither_start_nor_stop_nor_schedule(
    in_force: ModelVersion, enough: Enough, administrator: User, radiologist: User, now: datetime
) -> None:
    enough()
    with pytest.raises(NotAllowed):
        start(radiologist, now)
    run = start(administrator, now)
    with pytest.raises(NotAllowed):
        services.stop_run(run=run, by=radiologist, now=now)
    with pytest.raises(NotAllowed):
        plan(radiologist, now)


def test_stopping_is_asked_once_and_not_of_a_run_that_is_over(
    in_force: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    run = start(administrator, now)

    services.stop_run(run=run, by=administrator, now=now)
    services.stop_run(run=run, by=administrator, now=now)

    run.refresh_from_db()
    assert run.stop_asked
    assert AuditEvent.objects.filter(action=Action.RUN_STOPPED).count() == 1
    TrainingRun.objects.update(status=Status.DONE)
    with pytest.raises(services.NotRunning):
        services.stop_run(run=run, by=administrator, now=now)


def plan(by: User, now: datetime, **changes: Any) -> Schedule:
    wanted = {"enabled": True, "every_days": 7, "at_hour": 2, "minimum_new_readings": 10} | changes
    return services.set_schedule(by=by, now=now, **wanted)


def test_the_schedule_starts_a_run_when_due_and_only_then(
    in_force: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    plan(administrator, now)
    due = (now + timedelta(days=1)).replace(hour=2, minute=0)

    assert services.consider_schedule(now=due - timedelta(minutes=1)) is None
    run = services.consider_schedule(now=due)

    assert run is not None
    assert (run.trigger, run.started_by) == ("schedule", None)
    assert services.consider_schedule(now=due + timedelta(seconds=30)) is None
    assert TrainingRun.objects.count() == 1


def test_the_schedule_says_why_it_started_nothing(
    in_force: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    plan(administrator, now, minimum_new_readings=11)
    due = now + timedelta(days=1)

    assert services.consider_schedule(now=due) is None

    refusal = selectors.last_scheduled_refusal()
    assert refusal is not None
    assert refusal.detail["not_started"] == "too_few_new"
    assert "10 new findings" in refusal.detail["reason"]
    assert selectors.next_look(selectors.schedule()) == (now + timedelta(days=8)).replace(hour=2, minute=0)


def test_a_schedule_that_is_off_starts_nothing(
    in_force: ModelVersion, enough: Enough, administrator: User, now: datetime
) -> None:
    enough()
    plan(administrator, now, enabled=False)

    assert services.consider_schedule(now=now + timedelta(days=30)) is None
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize("wrong", [{"every_days": 0}, {"at_hour": 24}, {"minimum_new_readings": 0}])
def test_a_schedule_out_of_range_is_refused(
    administrator: User, now: datetime, wrong: dict[str, int]
) -> None:
    with pytest.raises(services.UnusableSchedule):
        plan(administrator, now, **wrong)


def test_only_readings_since_the_last_finished_run_count_as_new(
    in_force: ModelVersion, sign: Sign, now: datetime
) -> None:
    sign("normal", at=now - timedelta(days=2))
    sign("normal", at=now)
    sign("cannot-judge", at=now)
    TrainingRun.objects.create(
        number=1, status=Status.DONE, queued_at=now, started_at=now - timedelta(days=1)
    )

    assert labels.new() == 1


def lost_run(now: datetime, *, attempts: int) -> TrainingRun:
    return TrainingRun.objects.create(
        number=1,
        status=Status.RUNNING,
        attempts=attempts,
        token=uuid4(),
        lease_until=now - timedelta(seconds=1),
        queued_at=now - timedelta(hours=1),
    )


def test_a_run_whose_worker_died_is_queued_again(db: None, now: datetime) -> None:
    run = lost_run(now, attempts=2)

    services.requeue_lost(now=now)

    run.refresh_from_db()
    assert (run.status, run.token) == ("queued", None)


def test_the_third_lost_worker_fails_the_run_with_a_reason(
    homes: Path,
    db: None,
    now: datetime,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    run = lost_run(now, attempts=3)
    selectors.checkpoints(run).mkdir(parents=True)

    with django_capture_on_commit_callbacks(execute=True):
        services.requeue_lost(now=now)

    run.refresh_from_db()
    assert not selectors.checkpoints(run).exists()
    assert (run.status, run.failure_code) == ("failed", "worker_lost")
    assert "three times" in run.failure_text
    assert AuditEvent.objects.filter(action=Action.RUN_FAILED).count() == 1


def test_a_run_whose_worker_lives_is_left_alone(db: None, now: datetime) -> None:
    run = lost_run(now, attempts=1)

    services.requeue_lost(now=now - timedelta(minutes=1))

    run.refresh_from_db()
    assert run.status == "running"
