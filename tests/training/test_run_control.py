"""Starting, stopping and requeueing training runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
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
from diagnostics.training.models import TrainingRun, Trigger
from diagnostics.training.policy import Parameters
from diagnostics.training.selectors import runs
from diagnostics.training.services import requeue, run_control
from tests.training.conftest import Sign

SignRequired = Callable[[], None]
QUICK = Parameters.of("tiny-cnn", epochs=1)


def start(by: User | None, now: datetime) -> TrainingRun:
    return run_control.start_run(by=by, parameters=QUICK, trigger=Trigger.MANUAL, now=now)


def test_a_started_run_is_queued_and_its_message_sent(
    active_version: ModelVersion,
    sign_required: SignRequired,
    administrator: User,
    now: datetime,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sign_required()

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
    active_version: ModelVersion, sign_required: SignRequired, administrator: User, now: datetime
) -> None:
    sign_required()
    start(administrator, now)

    with pytest.raises(errors.AlreadyTraining):
        start(administrator, now)


def test_the_database_allows_one_open_run(db: None, now: datetime) -> None:
    TrainingRun.objects.create(number=1, queued_at=now)

    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingRun.objects.create(number=2, queued_at=now)


@pytest.mark.django_db(transaction=True)
def test_two_concurrent_starts_create_one_run(
    active_version: ModelVersion, sign_required: SignRequired, administrator: User, now: datetime
) -> None:
    sign_required()
    ready = threading.Barrier(2)
    outcomes: list[str] = []

    def start_concurrently() -> None:
        ready.wait()
        try:
            outcomes.append(f"run {start(administrator, now).number}")
        except errors.AlreadyTraining as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=start_concurrently) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["already_training", "run 1"]
    assert TrainingRun.objects.count() == 1


def test_many_radiographs_of_too_few_patients_are_refused(
    active_version: ModelVersion, sign: Sign, administrator: User, now: datetime
) -> None:
    for _ in range(12):
        sign("covid-19", patient="MRN-one")
        sign("normal", patient="MRN-two")

    with pytest.raises(TooFewLabels, match="COVID-19: 1;"):
        start(administrator, now)


def test_no_run_starts_without_an_active_version(
    sign_required: SignRequired, administrator: User, now: datetime
) -> None:
    sign_required()

    with pytest.raises(errors.NoActiveVersion):
        start(administrator, now)


def test_a_radiologist_can_neither_start_nor_stop_a_run(
    active_version: ModelVersion,
    sign_required: SignRequired,
    administrator: User,
    radiologist: User,
    now: datetime,
) -> None:
    sign_required()
    with pytest.raises(NotAllowed):
        start(radiologist, now)
    run = start(administrator, now)
    with pytest.raises(NotAllowed):
        run_control.stop_run(run=run, by=radiologist, now=now)


def test_a_stop_is_recorded_once_and_refused_for_a_finished_run(
    active_version: ModelVersion, sign_required: SignRequired, administrator: User, now: datetime
) -> None:
    sign_required()
    run = start(administrator, now)

    run_control.stop_run(run=run, by=administrator, now=now)
    run_control.stop_run(run=run, by=administrator, now=now)

    run.refresh_from_db()
    assert run.stop_requested
    assert AuditEvent.objects.filter(action=Action.RUN_STOP_REQUESTED).count() == 1
    TrainingRun.objects.update(status=JobStatus.DONE)
    with pytest.raises(errors.RunNotRunning):
        run_control.stop_run(run=run, by=administrator, now=now)


def lost_run(now: datetime, *, lost_attempts: int) -> TrainingRun:
    return TrainingRun.objects.create(
        number=1,
        status=JobStatus.RUNNING,
        attempts=5,
        lost_attempts=lost_attempts,
        token=uuid4(),
        lease_until=now - timedelta(seconds=1),
        queued_at=now - timedelta(hours=1),
    )


def test_a_run_whose_worker_died_is_requeued(db: None, now: datetime) -> None:
    run = lost_run(now, lost_attempts=1)

    requeue.requeue_lost(now=now)

    run.refresh_from_db()
    assert (run.status, run.token) == ("queued", None)


def test_a_run_fails_with_a_reason_when_its_worker_dies_the_third_time(
    data_folders: Path,
    db: None,
    now: datetime,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    run = lost_run(now, lost_attempts=2)
    runs.checkpoints(run).mkdir(parents=True)

    with django_capture_on_commit_callbacks(execute=True):
        requeue.requeue_lost(now=now)

    run.refresh_from_db()
    assert runs.checkpoints(run).exists()  # until an administrator discards them
    assert (run.status, run.failure_code) == ("failed", "worker_lost")
    assert "three times" in run.failure_text
    assert AuditEvent.objects.filter(action=Action.RUN_FAILED).count() == 1


def test_a_run_with_a_valid_lease_is_not_requeued(db: None, now: datetime) -> None:
    run = lost_run(now, lost_attempts=0)

    requeue.requeue_lost(now=now - timedelta(minutes=1))

    run.refresh_from_db()
    assert run.status == "running"
