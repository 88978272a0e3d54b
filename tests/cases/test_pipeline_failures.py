"""Failures of the prediction job, a lost lease, and leftover files."""

from __future__ import annotations

import shutil
import threading
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone
from pytest_django.fixtures import Settings

from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import errors, pipeline, selectors, storage
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import requeue, sweep
from diagnostics.jobs.errors import JobError, failure_code_of
from diagnostics.jobs.lease import Clock
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import SendRadiograph
from tests.cases.network import compute, stored_files

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("storage_folders")]


def swept_after_two_days() -> None:
    sweep.sweep(older_than=storage.SAFE_AGE, now=timezone.now() + timedelta(days=2))


def failure_of(case: Case, clock: Clock) -> str:
    failed = compute(case, clock)
    assert failed.status == JobStatus.FAILED
    assert failed.failure_text == errors.failure_text(failed.failure_code)
    assert (failed.token, failed.heatmap_file, failed.overlay_file) == (None, "", "")
    event = AuditEvent.objects.get(action=Action.PREDICTION_FAILED)
    assert (event.by, event.target_id) == (None, str(case.pk))
    assert event.detail == {"prediction": str(failed.pk), "code": failed.failure_code}
    assert not stored_files()
    return failed.failure_code


def test_a_missing_radiograph_fails_with_code_radiograph_missing(
    send_radiograph: SendRadiograph, first: ModelVersion, clock: Clock
):
    case = send_radiograph()
    selectors.radiograph_path(case.radiograph).unlink()

    assert failure_of(case, clock) == "radiograph_missing"


def test_a_prediction_without_an_active_version_fails_with_code_model_unavailable(
    send_radiograph: SendRadiograph, clock: Clock
):
    assert failure_of(send_radiograph(), clock) == "model_unavailable"


@pytest.mark.parametrize("damage", ["missing", "truncated", "replaced"])
def test_a_damaged_bundle_fails_with_code_model_damaged(
    damage: str,
    send_radiograph: SendRadiograph,
    first: ModelVersion,
    clock: Clock,
    settings: Settings,
    bundles: Path,
    tmp_path: Path,
):
    settings.BUNDLES = tmp_path / "bundles"
    if damage != "missing":
        shutil.copytree(bundles / ("v2" if damage == "replaced" else "v1"), tmp_path / "bundles/v1")
    if damage == "truncated":
        weights = tmp_path / "bundles/v1/model.weights.h5"
        weights.write_bytes(weights.read_bytes()[:-1000])

    assert failure_of(send_radiograph(), clock) == "model_damaged"


def test_a_prediction_whose_heatmaps_cannot_be_stored_waits_and_is_computed_later(
    send_radiograph: SendRadiograph, first: ModelVersion, clock: Clock
):
    case = send_radiograph()
    storage.path("predictions").write_text("a file instead of a folder")

    for _attempt in range(4):  # more than a job has
        waiting = compute(case, clock)
        assert (waiting.status, waiting.failure_code) == (JobStatus.QUEUED, "storage_full")
        assert waiting.lease_until is not None
    storage.path("predictions").unlink()

    done = compute(case, clock)

    assert (done.status, done.failure_code) == (JobStatus.DONE, "")
    assert not AuditEvent.objects.filter(action=Action.PREDICTION_FAILED).exists()


def test_an_unexpected_error_fails_with_code_internal_and_is_logged_without_patient_data(
    send_radiograph: SendRadiograph,
    first: ModelVersion,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
):
    case = send_radiograph(patient_ref="CANARY-1")
    radiograph = selectors.radiograph_path(case.radiograph)
    _, empty = cv2.imencode(".png", np.zeros((1, 300), np.uint16))
    radiograph.write_bytes(empty.tobytes())
    case.radiograph.delete()  # the application never deletes this row

    assert failure_of(case, clock) == "internal"
    assert str(case.predictions.get().pk) in caplog.text
    assert "CANARY" not in caplog.text


def test_a_second_prediction_of_the_same_version_fails_with_code_already_predicted(
    send_radiograph: SendRadiograph, first: ModelVersion, clock: Clock
):
    case = send_radiograph()
    compute(case, clock)
    Prediction.objects.create(case=case, queued_at=clock())  # bypasses the check of the service

    again = compute(case, clock)

    assert (again.status, again.failure_code) == (JobStatus.FAILED, "already_predicted")
    assert case.predictions.filter(status=JobStatus.DONE).count() == 1
    swept_after_two_days()
    assert len(stored_files()) == 2


def test_a_worker_that_lost_its_lease_stores_nothing(
    send_radiograph: SendRadiograph, first: ModelVersion, now: datetime
):
    case = send_radiograph()
    calls = count()

    def clock() -> datetime:
        # The second call comes after the computation: by then another worker has finished the job.
        # The heartbeat's thread asks for the time as well when the computation takes long.
        if threading.current_thread() is threading.main_thread() and next(calls) == 1:
            requeue.requeue_lost(now=now + timedelta(seconds=16))
            pipeline.classify(case.predictions.get().pk, clock=lambda: now + timedelta(hours=2))
        return now

    slow = compute(case, clock)

    assert (slow.status, slow.attempts) == (JobStatus.DONE, 2)
    assert slow.finished_at == now + timedelta(hours=2)
    swept_after_two_days()
    assert {path.name for path in stored_files()} == {
        Path(slow.heatmap_file).name,
        Path(slow.overlay_file).name,
    }
    assert AuditEvent.objects.filter(action=Action.PREDICTION_STORED).count() == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "out_of_memory"),
        (JobError("radiograph_missing"), "radiograph_missing"),
        (SoftTimeLimitExceeded(), "out_of_time"),
        (ZeroDivisionError(), "internal"),
    ],
)
def test_each_error_has_a_failure_code_with_a_text(error: Exception, code: str):
    assert failure_code_of(error) == code
    assert code in errors.FAILURE_TEXTS


def test_tensorflow_resource_exhaustion_has_code_out_of_memory():
    import tensorflow as tf

    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    assert failure_code_of(error) == "out_of_memory"
