"""A failed run: resumed from its checkpoint, or its checkpoints discarded."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services import kept_figures
from diagnostics.training.errors import AlreadyTraining, NoCheckpoints
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors import label_counts, runs
from diagnostics.training.services import failed_runs, requeue
from tests.training.conftest import FINE_TUNE, Sign, logged_in, queue_run
from tests.training.fake_trainer import FakeTrainer
from tests.training.test_pipeline import train
from tests.training.test_pipeline_faults import Killed, die

RESUME, DISCARD = b"Resume from checkpoint", b"Discard checkpoints"


@pytest.fixture
def failed(active_version: ModelVersion, now: datetime) -> TrainingRun:
    """Return a run that failed after its checkpoint was stored."""
    run = TrainingRun.objects.create(
        number=1,
        status=JobStatus.FAILED,
        failure_code="worker_lost",
        attempts=3,
        lost_attempts=3,
        parent=active_version,
        parameters=FINE_TUNE.as_json(),
        queued_at=now,
        finished_at=now,
    )
    store_checkpoint(run)
    return run


def store_checkpoint(run: TrainingRun) -> None:
    runs.checkpoints(run).mkdir(parents=True)
    (runs.checkpoints(run) / "epoch-000001.npz").write_bytes(b"x")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("signed_radiographs")
def test_a_resumed_run_continues_after_its_last_epoch(administrator: User, now: datetime) -> None:
    run = queue_run(administrator, now)
    with pytest.raises(Killed):
        train(run.pk, FakeTrainer(after_epoch={2: die}))
    TrainingRun.objects.update(
        lost_attempts=2, progress=2, lease_until=F("started_at") - timedelta(seconds=1)
    )
    run.refresh_from_db()
    assert run.started_at is not None
    requeue.requeue_lost(now=run.started_at)
    run.refresh_from_db()
    assert run.status == JobStatus.FAILED

    failed_runs.resume_run(run=run, by=administrator, now=now)
    run = train(run.pk)

    assert (run.status, run.failure_text, run.lost_attempts) == (JobStatus.DONE, "", 0)
    assert run.candidate is not None
    assert run.candidate.manifest["training"]["resumed_after"] == 2
    assert not runs.checkpoints(run).exists()
    assert AuditEvent.objects.get(action=Action.RUN_RESUMED).by == administrator


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("signed_radiographs")
def test_findings_signed_before_a_run_is_resumed_are_new(
    administrator: User, sign: Sign, now: datetime
) -> None:
    run = queue_run(administrator, now)
    with pytest.raises(Killed):
        train(run.pk, FakeTrainer(after_epoch={2: die}))
    TrainingRun.objects.update(status=JobStatus.FAILED, failure_code="worker_lost", token=None)
    for _ in range(3):
        sign("normal", at=timezone.now())
    run.refresh_from_db()

    failed_runs.resume_run(run=run, by=administrator, now=timezone.now())
    assert train(run.pk).status == JobStatus.DONE

    kept_figures.recount_changed()
    assert label_counts.new_final_findings() == 3


def test_a_run_is_not_resumed_while_another_is_open(
    failed: TrainingRun, administrator: User, now: datetime
) -> None:
    TrainingRun.objects.create(number=2, queued_at=now)

    with pytest.raises(AlreadyTraining):
        failed_runs.resume_run(run=failed, by=administrator, now=now)

    assert not AuditEvent.objects.filter(action=Action.RUN_RESUMED).exists()


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.RUNNING, JobStatus.QUEUED])
def test_only_a_failed_run_is_resumed_or_loses_its_checkpoints(
    status: str, failed: TrainingRun, administrator: User, now: datetime
) -> None:
    TrainingRun.objects.update(status=status)
    failed.refresh_from_db()

    for service in (failed_runs.resume_run, failed_runs.discard_checkpoints):
        with pytest.raises(NoCheckpoints):
            service(run=failed, by=administrator, now=now)

    assert runs.checkpoints(failed).exists()


def test_discarding_deletes_the_checkpoints_and_is_audited(
    failed: TrainingRun,
    administrator: User,
    now: datetime,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        failed_runs.discard_checkpoints(run=failed, by=administrator, now=now)

    assert not runs.checkpoints(failed).exists()
    event = AuditEvent.objects.get(action=Action.CHECKPOINTS_DISCARDED)
    assert (event.by, event.target_id) == (administrator, str(failed.pk))
    with pytest.raises(NoCheckpoints):
        failed_runs.resume_run(run=failed, by=administrator, now=now)


def test_a_radiologist_can_neither_resume_nor_discard(
    failed: TrainingRun, radiologist: User, now: datetime
) -> None:
    for service in (failed_runs.resume_run, failed_runs.discard_checkpoints):
        with pytest.raises(NotAllowed):
            service(run=failed, by=radiologist, now=now)
    for name in ("resume", "discard_checkpoints"):
        url = reverse(f"training:{name}", args=[failed.pk])
        assert logged_in(radiologist).post(url).status_code == 403

    assert runs.checkpoints(failed).exists()


def test_the_page_of_a_failed_run_has_both_buttons_until_the_checkpoints_are_discarded(
    failed: TrainingRun,
    administrator: User,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    client, url = logged_in(administrator), reverse("training:run", args=[failed.pk])
    page = client.get(url).content
    assert RESUME in page
    assert DISCARD in page

    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("training:discard_checkpoints", args=[failed.pk]))

    page = client.get(url).content
    assert RESUME not in page
    assert DISCARD not in page


def test_the_button_resumes_the_run(failed: TrainingRun, administrator: User) -> None:
    response = logged_in(administrator).post(reverse("training:resume", args=[failed.pk]))

    failed.refresh_from_db()
    assert response["Location"] == reverse("training:run", args=[failed.pk])
    assert (failed.status, failed.failure_code) == (JobStatus.QUEUED, "")
