"""Runs with interruptions, with fake training: stops, lost leases, dead workers and missing files."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import radiograph_path
from diagnostics.jobs import lease
from diagnostics.jobs.models import JobStatus
from diagnostics.jobs.stop_flag import WORKER_STOP
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from diagnostics.training.models import Epoch, TrainingRun
from diagnostics.training.policy import Parameters
from diagnostics.training.selectors import runs
from diagnostics.training.services import requeue, run_control
from tests.small_disk import SmallDisk
from tests.training.conftest import FINE_TUNE, LONG, NORMAL_SEED, Sign, drawn_radiograph, queue_run
from tests.training.fake_trainer import FakeTrainer
from tests.training.test_pipeline import train

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("signed_radiographs")]


LEASE_EXPIRED = timedelta(seconds=25)  # after the claim


class Killed(BaseException):
    """Ends the worker; no handler of the application catches it."""


def die() -> None:
    raise Killed


@pytest.fixture(autouse=True)
def _poll_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "POLL_SECONDS", 0.0)  # epochs of the fake trainer take no time


def test_a_stopped_run_keeps_its_best_epoch(administrator: User, now: datetime) -> None:
    run = queue_run(administrator, now, LONG)
    trainer = FakeTrainer(after_epoch={2: lambda: run_control.stop_run(run=run, by=administrator, now=now)})

    run = train(run.pk, trainer)

    assert (run.status, run.failure_text) == (JobStatus.DONE, "")
    assert run.epochs.count() == 2
    assert run.candidate is not None
    assert run.candidate.manifest["training"]["stopped"]


def test_a_run_stopped_before_its_first_epoch_fails_with_a_reason(administrator: User, now: datetime) -> None:
    run = queue_run(administrator, now)
    run_control.stop_run(run=run, by=administrator, now=now)

    run = train(run.pk)

    assert (run.status, run.failure_code) == (JobStatus.FAILED, "stopped_without_result")
    assert ModelVersion.objects.count() == 1


def test_a_training_without_a_usable_network_fails_with_a_reason(administrator: User, now: datetime) -> None:
    run = train(queue_run(administrator, now).pk, FakeTrainer(unusable=True))

    assert (run.status, run.failure_code) == (JobStatus.FAILED, "no_usable_network")
    assert runs.has_checkpoints(run)  # until an administrator discards them


def test_a_run_with_missing_radiographs_fails_with_a_reason(administrator: User, now: datetime) -> None:
    run = queue_run(administrator, now)
    for case in Case.objects.filter(readings__finding="normal"):
        radiograph_path(case.radiograph).unlink()

    run = train(run.pk)

    assert (run.status, run.failure_code) == (JobStatus.FAILED, "data_damaged")
    assert AuditEvent.objects.get(action=Action.RUN_FAILED).detail["code"] == "data_damaged"


def test_a_run_with_a_damaged_active_version_fails_with_a_reason(
    active_version: ModelVersion, administrator: User, now: datetime
) -> None:
    run = queue_run(administrator, now)
    (registry.bundle_path(active_version) / "manifest.json").write_text("{")

    run = train(run.pk)

    assert (run.status, run.failure_code) == (JobStatus.FAILED, "version_damaged")


def test_a_run_on_a_full_disk_fails_with_a_reason(
    administrator: User, now: datetime, data_folders: Path
) -> None:
    (data_folders / "runs").write_text("a file at the path of a folder")

    run = train(queue_run(administrator, now).pk)

    assert (run.status, run.failure_code) == (JobStatus.FAILED, "storage_full")


@pytest.mark.slow  # mounts a file system
@pytest.mark.parametrize("reserve", [0, 1_000_000])  # bytes; 0: the run itself meets the full disk
def test_a_run_on_a_full_disk_waits_and_is_trained_when_there_is_space(
    reserve: int, administrator: User, now: datetime, settings: Settings, small_disk: SmallDisk
) -> None:
    settings.READROOM_HOME = small_disk.folder
    settings.RUNS, settings.DISK_RESERVE = small_disk.folder / "runs", reserve
    run = queue_run(administrator, now)
    small_disk.fill()

    waiting = train(run.pk)
    assert (waiting.status, waiting.failure_code) == (JobStatus.QUEUED, "storage_full")
    small_disk.free()

    assert train(run.pk).status == JobStatus.DONE


@pytest.mark.parametrize("epoch", [1, FINE_TUNE.epochs])
def test_a_worker_that_lost_its_lease_registers_no_candidate(
    administrator: User, now: datetime, epoch: int
) -> None:
    run = queue_run(administrator, now)
    lose = TrainingRun.objects.filter(pk=run.pk).update

    run = train(run.pk, FakeTrainer(after_epoch={epoch: lambda: lose(token=uuid4())}))

    assert run.status == JobStatus.RUNNING
    assert run.epochs.count() == epoch
    assert ModelVersion.objects.count() == 1
    assert [path.name for path in (runs.folder(run).parent.parent / "bundles").iterdir()] == ["v1"]


def test_a_worker_that_lost_its_lease_writes_no_bundle_where_its_successor_does(
    administrator: User, now: datetime
) -> None:
    run = queue_run(administrator, now)
    lose = TrainingRun.objects.filter(pk=run.pk).update

    train(run.pk, FakeTrainer(after_epoch={1: lambda: lose(token=uuid4())}))

    assert not (runs.folder(run) / "bundle").exists()


def test_a_run_whose_worker_died_resumes_with_its_radiographs_and_epochs(
    sign: Sign, administrator: User, now: datetime
) -> None:
    run = queue_run(administrator, now)
    with pytest.raises(Killed):
        train(run.pk, FakeTrainer(after_epoch={2: die}))
    run.refresh_from_db()
    first = list(run.epochs.values_list("pk", "number"))
    assert (run.status, len(first)) == (JobStatus.RUNNING, 2)
    sign("normal", content=drawn_radiograph(NORMAL_SEED + 50, opacity=False))  # after the snapshot
    snapshot_sha256 = run.snapshot_sha256

    requeue.requeue_lost(now=timezone.now() + LEASE_EXPIRED)
    run = train(run.pk)

    assert (run.status, run.failure_text, run.attempts) == (JobStatus.DONE, "", 2)
    assert [epoch.number for epoch in run.epochs.all()] == [1, 2, 3]
    assert run.candidate is not None
    assert run.candidate.manifest["training"]["resumed_after"] == 2
    assert run.snapshot_sha256 == snapshot_sha256
    assert not runs.checkpoints(run).exists()


def test_a_run_survives_any_number_of_orderly_stops_of_its_worker(administrator: User, now: datetime) -> None:
    run = queue_run(administrator, now, Parameters.of("vgg16-finetune", epochs=5, batch_size=8))
    for epoch in range(1, 5):
        try:
            run = train(run.pk, FakeTrainer(after_epoch={epoch: WORKER_STOP.set}))
        finally:
            WORKER_STOP.clear()
        assert (run.status, run.token, run.lost_attempts) == (JobStatus.QUEUED, None, 0)

    run = train(run.pk)

    assert (run.status, run.failure_text, run.attempts) == (JobStatus.DONE, "", 5)
    assert run.candidate is not None
    assert run.candidate.manifest["training"]["resumed_after"] == 4


def test_a_run_stopped_after_its_worker_died_keeps_its_best_epoch(administrator: User, now: datetime) -> None:
    run = queue_run(administrator, now, LONG)
    with pytest.raises(Killed):
        train(run.pk, FakeTrainer(after_epoch={2: die}))
    run_control.stop_run(run=run, by=administrator, now=now)

    requeue.requeue_lost(now=timezone.now() + LEASE_EXPIRED)
    run = train(run.pk)

    assert (run.status, run.failure_text) == (JobStatus.DONE, "")
    assert run.epochs.count() == 2
    assert run.candidate is not None
    assert not runs.checkpoints(run).exists()


def test_a_lost_run_without_files_restarts_and_registers_one_candidate(
    administrator: User, now: datetime
) -> None:
    run = queue_run(administrator, now)
    assert TrainingRun.claim(run.pk, worker="dead", lease=timedelta(seconds=20), now=now)
    Epoch.objects.create(
        run=run, number=1, planned_epochs=3, loss=1, accuracy=0, val_loss=1, val_accuracy=0, seconds=1
    )

    requeue.requeue_lost(now=now + LEASE_EXPIRED)
    train(run.pk)
    run = train(run.pk)  # the message is delivered twice

    assert (run.status, run.attempts) == (JobStatus.DONE, 2)
    assert run.epochs.count() == 3
    assert ModelVersion.objects.count() == 2
