"""A worker answers a prediction, with a real network, and every way in which it cannot."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import errors, pipeline, selectors, storage
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import requeue, retry
from diagnostics.cases.tasks import classify
from diagnostics.jobs.errors import JobError, failure_code_of
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion, Promotion
from ml.inference import heatmap_files
from ml.networks import bundle, out_of_distribution
from tests.cases.conftest import SendRadiograph
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with two networks that answer differently; building one takes seconds."""
    folder = tmp_path_factory.mktemp("bundles")
    for number in (1, 2):
        make_bundle(folder / f"v{number}", seed=number, version=f"v{number}")
    return folder


@pytest.fixture(autouse=True)
def places(settings: Settings, shelf: Path, tmp_path: Path) -> None:
    settings.BUNDLES = shelf
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def first(version: ModelVersion, shelf: Path) -> ModelVersion:
    return with_files(version, shelf)


@pytest.fixture
def second(next_version: ModelVersion, shelf: Path) -> ModelVersion:
    return with_files(next_version, shelf)


def with_files(version: ModelVersion, shelf: Path) -> ModelVersion:
    version.weights_sha256 = bundle.read_manifest(shelf / version.bundle).weights_sha256
    version.save()
    return version


@pytest.fixture
def ticking(now: datetime) -> pipeline.Clock:
    """Give a clock on which one second passes at each look, from two seconds after `now`."""
    seconds = count(2)
    return lambda: now + timedelta(seconds=next(seconds))


def work(case: Case, clock: pipeline.Clock) -> Prediction:
    waiting = case.predictions.latest("queued_at")
    pipeline.classify(waiting.pk, clock=clock)
    waiting.refresh_from_db()
    return waiting


def answers_on_disk() -> list[Path]:
    return sorted(storage.path("answers").rglob("*.*"))


def test_a_waiting_prediction_is_answered_with_probabilities_and_a_heat_map(
    send_radiograph: SendRadiograph, first: ModelVersion, ticking: pipeline.Clock, now: datetime
):
    case = send_radiograph()

    answer = work(case, ticking)

    assert (answer.status, answer.version, answer.attempts) == (JobStatus.DONE, first, 1)
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.finding == max(answer.probabilities, key=answer.probabilities.__getitem__)
    assert answer.operating_points == {"covid-19": 0.5, "pneumonia": 0.5, "normal": 0.5}
    assert (answer.token, answer.lease_until) == (None, None)
    assert answer.started_at
    assert answer.finished_at
    assert now < answer.started_at < answer.finished_at
    assert answer.seconds["waited"] == 2.0
    case.refresh_from_db()
    assert case.triage_score == answer.probabilities["covid-19"] < 1
    assert set(answer.seconds) >= {"waited", "prepare", "network", "heatmap", "store"}


def test_the_heat_map_is_kept_as_grids_and_as_a_picture_of_the_radiograph(
    send_radiograph: SendRadiograph, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_radiograph()

    answer = work(case, ticking)

    found, frame = heatmap_files.load_heatmaps(selectors.heatmap_path(answer))
    picture = cv2.imdecode(np.fromfile(selectors.overlay_path(answer), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert set(found) == set(answer.probabilities) == set(answer.heat)
    assert (frame.radiograph_height, frame.radiograph_width) == picture.shape[:2] == (256, 256)
    for finding, heat in answer.heat.items():
        assert heat["raw_max"] == pytest.approx(found[finding].raw_max)
        assert heat["reference"] == 0.1
        assert heat["no_positive_evidence"] is found[finding].no_positive_evidence


def test_an_answer_is_kept_with_what_it_is_worth(
    send_radiograph: SendRadiograph,
    first: ModelVersion,
    ticking: pipeline.Clock,
    settings: Settings,
    shelf: Path,
    tmp_path: Path,
):
    settings.BUNDLES = tmp_path / "bundles"
    settings.BUNDLES.mkdir()
    model, manifest = bundle.load_network(shelf / "v1")
    features = np.random.default_rng(0).random(
        (80, 32 + 64)
    )  # of no radiograph: every radiograph is unlike them
    reference = out_of_distribution.fit(features[:40], np.arange(40) % 3)
    limits = out_of_distribution.limits(
        reference, features[40:], np.zeros((40, 3)), source="training set"
    )
    manifest = replace(manifest, conformal={"normal": 0.0}, abstention=1.0, out_of_distribution=limits)
    bundle.write(settings.BUNDLES / "v1", model, manifest, reference=reference)
    with_files(first, settings.BUNDLES)
    case = send_radiograph()
    Case.objects.filter(pk=case.pk).update(triage_score=0.5)
    case.radiograph.colour = 40.0
    case.radiograph.save()

    answer = work(case, ticking)

    assert (answer.outcome, answer.abstention) == ("out-of-distribution", 1.0)
    assert set(answer.candidates) == {"covid-19", "pneumonia"}
    assert (
        answer.out_of_distribution["knn"]["value"]
        > answer.out_of_distribution["knn"]["limit"]
        == pytest.approx(limits.knn)
    )
    assert set(answer.out_of_distribution) == {"knn", "mahalanobis", "energy"}
    assert answer.quality_flags == ["coloured"]
    case.refresh_from_db()
    assert case.triage_score == 1.0  # what the machine cannot tell stands high
    assert sum(answer.probabilities.values()) == pytest.approx(1)


def test_a_version_without_thresholds_of_its_own_says_so(
    send_radiograph: SendRadiograph, first: ModelVersion, ticking: pipeline.Clock
):
    answer = work(send_radiograph(), ticking)

    assert (answer.outcome, answer.candidates, answer.out_of_distribution) == ("finding", [], {})
    assert (answer.abstention, answer.quality_flags) == (None, [])


def test_an_answer_is_on_record_without_the_patient(
    send_radiograph: SendRadiograph, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_radiograph(patient_ref="CANARY-1")

    answer = work(case, ticking)

    event = AuditEvent.objects.get(action=Action.CASE_CLASSIFIED)
    assert (event.by, event.target_id, event.at) == (None, str(case.pk), answer.finished_at)
    assert event.detail == {"prediction": str(answer.pk), "version": "v1"}
    assert not [path for path in answers_on_disk() if "CANARY" in str(path)]


def test_a_knock_that_comes_three_times_changes_nothing(send_radiograph: SendRadiograph, first: ModelVersion):
    waiting = send_radiograph().predictions.get()
    classify(str(waiting.pk))
    once = (*Prediction.objects.values(), *AuditEvent.objects.values(), *answers_on_disk())

    classify(str(waiting.pk))
    classify(str(waiting.pk))

    assert (*Prediction.objects.values(), *AuditEvent.objects.values(), *answers_on_disk()) == once


def test_a_knock_for_no_row_is_ignored(db: None):
    classify(str(uuid.uuid4()))


def test_the_version_in_force_answers(
    send_radiograph: SendRadiograph,
    technician: User,
    first: ModelVersion,
    second: ModelVersion,
    ticking: pipeline.Clock,
):
    Promotion.objects.filter(active=True).delete()
    Promotion.objects.create(version=first, reason="again", since=datetime(2026, 1, 1, tzinfo=UTC))
    case = send_radiograph()
    before = work(case, ticking)
    Promotion.objects.filter(active=True).delete()
    Promotion.objects.create(version=second, reason="better", since=datetime(2026, 1, 2, tzinfo=UTC))
    retry.retry(case=case, by=technician, now=ticking())

    after = work(case, ticking)

    assert (before.version, after.version) == (first, second)
    assert before.probabilities != after.probabilities
    assert case.predictions.filter(status=JobStatus.DONE).count() == 2


def test_asking_for_a_version_gets_that_version_even_when_another_comes_into_force_meanwhile(
    send_radiograph: SendRadiograph,
    technician: User,
    first: ModelVersion,
    second: ModelVersion,
    ticking: pipeline.Clock,
):
    case = send_radiograph()
    case.predictions.update(status=JobStatus.DONE, version=first)
    retry.retry(case=case, by=technician, now=ticking())
    Promotion.objects.filter(active=True).delete()
    Promotion.objects.create(version=first, reason="back", since=ticking())

    answer = work(case, ticking)

    assert (answer.status, answer.version) == (JobStatus.DONE, second)


def failure_of(case: Case, clock: pipeline.Clock) -> str:
    failed = work(case, clock)
    assert failed.status == JobStatus.FAILED
    assert failed.failure_text == errors.failure_text(failed.failure_code)
    assert (failed.token, failed.maps, failed.overlay) == (None, "", "")
    event = AuditEvent.objects.get(action=Action.CLASSIFICATION_FAILED)
    assert (event.by, event.target_id) == (None, str(case.pk))
    assert event.detail == {"prediction": str(failed.pk), "code": failed.failure_code}
    assert not answers_on_disk()
    return failed.failure_code


def test_a_missing_radiograph_fails_with_its_name(
    send_radiograph: SendRadiograph, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_radiograph()
    selectors.radiograph_path(case.radiograph).unlink()

    assert failure_of(case, ticking) == "radiograph_missing"


def test_without_a_version_in_force_the_failure_says_so(
    send_radiograph: SendRadiograph, ticking: pipeline.Clock
):
    assert failure_of(send_radiograph(), ticking) == "model_unavailable"


@pytest.mark.parametrize("harm", ["gone", "cut short", "exchanged"])
def test_a_damaged_bundle_never_answers(
    harm: str,
    send_radiograph: SendRadiograph,
    first: ModelVersion,
    ticking: pipeline.Clock,
    settings: Settings,
    shelf: Path,
    tmp_path: Path,
):
    settings.BUNDLES = tmp_path / "bundles"
    if harm != "gone":
        shutil.copytree(shelf / ("v2" if harm == "exchanged" else "v1"), tmp_path / "bundles/v1")
    if harm == "cut short":
        weights = tmp_path / "bundles/v1/model.weights.h5"
        weights.write_bytes(weights.read_bytes()[:-1000])

    assert failure_of(send_radiograph(), ticking) == "model_damaged"


def test_a_disk_that_takes_no_heat_map_fails_with_its_name(
    send_radiograph: SendRadiograph, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_radiograph()
    storage.path("answers").write_text("a file stands where the folder should be")

    failed = work(case, ticking)

    assert (failed.status, failed.failure_code) == (JobStatus.FAILED, "storage_full")


def test_what_nobody_foresaw_fails_as_internal_and_is_logged_by_id_alone(
    send_radiograph: SendRadiograph,
    first: ModelVersion,
    ticking: pipeline.Clock,
    caplog: pytest.LogCaptureFixture,
):
    case = send_radiograph(patient_ref="CANARY-1")
    radiograph = selectors.radiograph_path(case.radiograph)
    _, empty = cv2.imencode(".png", np.zeros((1, 300), np.uint16))
    radiograph.write_bytes(empty.tobytes())
    case.radiograph.delete()  # a row that cannot go missing by itself

    assert failure_of(case, ticking) == "internal"
    assert str(case.predictions.get().pk) in caplog.text
    assert "CANARY" not in caplog.text


def test_an_answer_that_stands_is_never_given_twice(
    send_radiograph: SendRadiograph, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_radiograph()
    work(case, ticking)
    Prediction.objects.create(case=case, queued_at=ticking())  # as if a service had forgotten to look

    again = work(case, ticking)

    assert (again.status, again.failure_code) == (JobStatus.FAILED, "already_predicted")
    assert case.predictions.filter(status=JobStatus.DONE).count() == 1
    assert len(answers_on_disk()) == 2


def test_a_worker_whose_row_was_taken_away_keeps_nothing(
    send_radiograph: SendRadiograph, first: ModelVersion, now: datetime
):
    case = send_radiograph()
    looks = count()

    def clock() -> datetime:
        # At the second look the work is done; meanwhile the lease ran out and another worker was faster.
        if next(looks) == 1:
            requeue.requeue_lost(now=now + timedelta(hours=1))
            pipeline.classify(case.predictions.get().pk, clock=lambda: now + timedelta(hours=2))
        return now

    slow = work(case, clock)

    assert (slow.status, slow.attempts) == (JobStatus.DONE, 2)
    assert slow.finished_at == now + timedelta(hours=2)
    assert {path.name for path in answers_on_disk()} == {Path(slow.maps).name, Path(slow.overlay).name}
    assert AuditEvent.objects.filter(action=Action.CASE_CLASSIFIED).count() == 1


def test_what_a_dead_worker_left_is_cleared_away(
    send_radiograph: SendRadiograph, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_radiograph()
    died = storage.prediction_files(case.predictions.get().pk, uuid.uuid4())
    storage.store_file(died.overlay, b"half an answer")
    neighbour = storage.prediction_files(uuid.uuid4(), uuid.uuid4())
    storage.store_file(neighbour.overlay, b"somebody else's")

    answer = work(case, ticking)

    kept = {Path(answer.maps).name, Path(answer.overlay).name, Path(neighbour.overlay).name}
    assert {path.name for path in answers_on_disk()} == kept


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "out_of_memory"),
        (JobError("radiograph_missing"), "radiograph_missing"),
        (SoftTimeLimitExceeded(), "out_of_time"),
        (ZeroDivisionError(), "internal"),
    ],
)
def test_each_error_has_a_code_with_a_sentence(error: Exception, code: str):
    assert failure_code_of(error) == code
    assert code in errors.FAILURE_TEXTS


def test_tensorflow_without_memory_is_out_of_memory():
    import tensorflow as tf

    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    assert failure_code_of(error) == "out_of_memory"
