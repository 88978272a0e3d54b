"""A worker answers a prediction, with a real network, and every way in which it cannot."""

from __future__ import annotations

import json
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, replace
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
from diagnostics.base import Status, Trouble, trouble_code
from diagnostics.cases import failures, keeping, pipeline, selectors, services
from diagnostics.cases.heartbeat import beating
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.tasks import classify
from diagnostics.registry.models import ModelVersion, Promotion
from ml import bundle, maps, novelty
from tests.cases.conftest import SendFilm
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
    return sorted(keeping.path("answers").rglob("*.*"))


def test_a_waiting_prediction_is_answered_with_probabilities_and_a_heat_map(
    send_film: SendFilm, first: ModelVersion, ticking: pipeline.Clock, now: datetime
):
    case = send_film()

    answer = work(case, ticking)

    assert (answer.status, answer.version, answer.attempts) == (Status.DONE, first, 1)
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.finding == max(answer.probabilities, key=answer.probabilities.__getitem__)
    assert answer.operating_points == {"covid-19": 0.5, "pneumonia": 0.5, "normal": 0.5}
    assert (answer.token, answer.lease_until) == (None, None)
    assert answer.started_at
    assert answer.finished_at
    assert now < answer.started_at < answer.finished_at
    assert answer.seconds["waited"] == 2.0
    case.refresh_from_db()
    assert case.suspicion == answer.probabilities["covid-19"] < 1
    assert set(answer.seconds) >= {"waited", "prepare", "network", "heatmap", "store"}


def test_the_heat_map_is_kept_as_grids_and_as_a_picture_of_the_film(
    send_film: SendFilm, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_film()

    answer = work(case, ticking)

    found, frame = maps.load_maps(selectors.maps_path(answer))
    picture = cv2.imdecode(np.fromfile(selectors.overlay_path(answer), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert set(found) == set(answer.probabilities) == set(answer.heat)
    assert (frame.film_height, frame.film_width) == picture.shape[:2] == (256, 256)
    for finding, heat in answer.heat.items():
        assert heat["raw_max"] == pytest.approx(found[finding].raw_max)
        assert heat["reference"] == 0.1
        assert heat["no_positive_evidence"] is found[finding].no_positive_evidence


def test_an_answer_is_kept_with_what_it_is_worth(
    send_film: SendFilm,
    first: ModelVersion,
    ticking: pipeline.Clock,
    settings: Settings,
    shelf: Path,
    tmp_path: Path,
):
    settings.BUNDLES = tmp_path / "bundles"
    settings.BUNDLES.mkdir()
    model, manifest = bundle.load_network(shelf / "v1")
    features = np.random.default_rng(0).random((80, 32 + 64))  # of no film: every film is unlike them
    reference = novelty.fit(features[:40], np.arange(40) % 3)
    limits = novelty.limits(reference, features[40:], np.zeros((40, 3)), source="learning films")
    manifest = replace(manifest, conformal={"normal": 0.0}, abstention=1.0, novelty=limits)
    bundle.write(settings.BUNDLES / "v1", model, manifest, reference=reference)
    with_files(first, settings.BUNDLES)
    case = send_film()
    Case.objects.filter(pk=case.pk).update(suspicion=0.5)
    case.radiograph.colour = 40.0
    case.radiograph.save()

    answer = work(case, ticking)

    assert (answer.answer, answer.abstention) == ("unlike-training", 1.0)
    assert set(answer.candidates) == {"covid-19", "pneumonia"}
    assert answer.novelty["knn"]["value"] > answer.novelty["knn"]["limit"] == pytest.approx(limits.knn)
    assert set(answer.novelty) == {"knn", "mahalanobis", "energy"}
    assert answer.film_signs == ["coloured"]
    case.refresh_from_db()
    assert case.suspicion == 1.0  # what the machine cannot tell stands high
    assert sum(answer.probabilities.values()) == pytest.approx(1)


def test_a_version_without_thresholds_of_its_own_says_so(
    send_film: SendFilm, first: ModelVersion, ticking: pipeline.Clock
):
    answer = work(send_film(), ticking)

    assert (answer.answer, answer.candidates, answer.novelty) == ("finding", [], {})
    assert (answer.abstention, answer.film_signs) == (None, [])


def test_an_answer_is_on_record_without_the_patient(
    send_film: SendFilm, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_film(patient_ref="CANARY-1")

    answer = work(case, ticking)

    event = AuditEvent.objects.get(action=Action.CASE_CLASSIFIED)
    assert (event.by, event.target_id, event.at) == (None, str(case.pk), answer.finished_at)
    assert event.detail == {"prediction": str(answer.pk), "version": "v1"}
    assert not [path for path in answers_on_disk() if "CANARY" in str(path)]


def test_a_knock_that_comes_three_times_changes_nothing(send_film: SendFilm, first: ModelVersion):
    waiting = send_film().predictions.get()
    classify(str(waiting.pk))
    once = (*Prediction.objects.values(), *AuditEvent.objects.values(), *answers_on_disk())

    classify(str(waiting.pk))
    classify(str(waiting.pk))

    assert (*Prediction.objects.values(), *AuditEvent.objects.values(), *answers_on_disk()) == once


def test_a_knock_for_no_row_is_ignored(db: None):
    classify(str(uuid.uuid4()))


def test_the_version_in_force_answers(
    send_film: SendFilm, technician: User, first: ModelVersion, second: ModelVersion, ticking: pipeline.Clock
):
    Promotion.objects.filter(in_force=True).delete()
    Promotion.objects.create(version=first, reason="again", since=datetime(2026, 1, 1, tzinfo=UTC))
    case = send_film()
    before = work(case, ticking)
    Promotion.objects.filter(in_force=True).delete()
    Promotion.objects.create(version=second, reason="better", since=datetime(2026, 1, 2, tzinfo=UTC))
    services.retry(case=case, by=technician, now=ticking())

    after = work(case, ticking)

    assert (before.version, after.version) == (first, second)
    assert before.probabilities != after.probabilities
    assert case.predictions.filter(status=Status.DONE).count() == 2


def test_asking_for_a_version_gets_that_version_even_when_another_comes_into_force_meanwhile(
    send_film: SendFilm, technician: User, first: ModelVersion, second: ModelVersion, ticking: pipeline.Clock
):
    case = send_film()
    case.predictions.update(status=Status.DONE, version=first)
    services.retry(case=case, by=technician, now=ticking())
    Promotion.objects.filter(in_force=True).delete()
    Promotion.objects.create(version=first, reason="back", since=ticking())

    answer = work(case, ticking)

    assert (answer.status, answer.version) == (Status.DONE, second)


def failure_of(case: Case, clock: pipeline.Clock) -> str:
    failed = work(case, clock)
    assert failed.status == Status.FAILED
    assert failed.failure_text == failures.sentence(failed.failure_code)
    assert (failed.token, failed.maps, failed.overlay) == (None, "", "")
    event = AuditEvent.objects.get(action=Action.CLASSIFICATION_FAILED)
    assert (event.by, event.target_id) == (None, str(case.pk))
    assert event.detail == {"prediction": str(failed.pk), "code": failed.failure_code}
    assert not answers_on_disk()
    return failed.failure_code


def test_a_missing_film_fails_with_its_name(
    send_film: SendFilm, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_film()
    selectors.film_path(case.radiograph).unlink()

    assert failure_of(case, ticking) == "film_missing"


def test_without_a_version_in_force_the_failure_says_so(send_film: SendFilm, ticking: pipeline.Clock):
    assert failure_of(send_film(), ticking) == "no_model"


@pytest.mark.parametrize("harm", ["gone", "cut short", "exchanged"])
def test_a_damaged_bundle_never_answers(
    harm: str,
    send_film: SendFilm,
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

    assert failure_of(send_film(), ticking) == "model_damaged"


def test_a_disk_that_takes_no_heat_map_fails_with_its_name(
    send_film: SendFilm, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_film()
    keeping.path("answers").write_text("a file stands where the folder should be")

    failed = work(case, ticking)

    assert (failed.status, failed.failure_code) == (Status.FAILED, "no_room")


def test_what_nobody_foresaw_fails_as_internal_and_is_logged_by_id_alone(
    send_film: SendFilm, first: ModelVersion, ticking: pipeline.Clock, caplog: pytest.LogCaptureFixture
):
    case = send_film(patient_ref="CANARY-1")
    film = selectors.film_path(case.radiograph)
    _, empty = cv2.imencode(".png", np.zeros((1, 300), np.uint16))
    film.write_bytes(empty.tobytes())
    case.radiograph.delete()  # a row that cannot go missing by itself

    assert failure_of(case, ticking) == "internal"
    assert str(case.predictions.get().pk) in caplog.text
    assert "CANARY" not in caplog.text


def test_an_answer_that_stands_is_never_given_twice(
    send_film: SendFilm, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_film()
    work(case, ticking)
    Prediction.objects.create(case=case, queued_at=ticking())  # as if a service had forgotten to look

    again = work(case, ticking)

    assert (again.status, again.failure_code) == (Status.FAILED, "answered_before")
    assert case.predictions.filter(status=Status.DONE).count() == 1
    assert len(answers_on_disk()) == 2


def test_a_worker_whose_row_was_taken_away_keeps_nothing(
    send_film: SendFilm, first: ModelVersion, now: datetime
):
    case = send_film()
    looks = count()

    def clock() -> datetime:
        # At the second look the work is done; meanwhile the lease ran out and another worker was faster.
        if next(looks) == 1:
            services.requeue_lost(now=now + timedelta(hours=1))
            pipeline.classify(case.predictions.get().pk, clock=lambda: now + timedelta(hours=2))
        return now

    slow = work(case, clock)

    assert (slow.status, slow.attempts) == (Status.DONE, 2)
    assert slow.finished_at == now + timedelta(hours=2)
    assert {path.name for path in answers_on_disk()} == {Path(slow.maps).name, Path(slow.overlay).name}
    assert AuditEvent.objects.filter(action=Action.CASE_CLASSIFIED).count() == 1


def test_what_a_dead_worker_left_is_cleared_away(
    send_film: SendFilm, first: ModelVersion, ticking: pipeline.Clock
):
    case = send_film()
    died = keeping.answer_names(case.predictions.get().pk, uuid.uuid4())
    keeping.keep(died.overlay, b"half an answer")
    neighbour = keeping.answer_names(uuid.uuid4(), uuid.uuid4())
    keeping.keep(neighbour.overlay, b"somebody else's")

    answer = work(case, ticking)

    kept = {Path(answer.maps).name, Path(answer.overlay).name, Path(neighbour.overlay).name}
    assert {path.name for path in answers_on_disk()} == kept


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "out_of_memory"),
        (Trouble("film_missing"), "film_missing"),
        (SoftTimeLimitExceeded(), "out_of_time"),
        (ZeroDivisionError(), "internal"),
    ],
)
def test_each_error_has_a_code_with_a_sentence(error: Exception, code: str):
    assert trouble_code(error) == code
    assert code in failures.SENTENCES


def test_tensorflow_without_memory_is_out_of_memory():
    import tensorflow as tf

    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    assert trouble_code(error) == "out_of_memory"


@pytest.mark.django_db(transaction=True)
def test_a_long_look_keeps_its_row(send_film: SendFilm, first: ModelVersion, now: datetime):
    waiting = send_film().predictions.get()
    lease = timedelta(seconds=30)
    token = Prediction.claim(waiting.pk, worker="w", lease=lease, now=now)
    assert token is not None
    later = count(1)

    def renew() -> bool:
        return Prediction.renew(
            waiting.pk, token=token, lease=lease, now=now + timedelta(minutes=next(later))
        )

    with beating(renew, every=0.02, longest=10):
        time.sleep(0.2)

    waiting.refresh_from_db()
    assert waiting.lease_until
    assert waiting.lease_until > now + timedelta(minutes=2)
    assert "lease" not in {thread.name for thread in threading.enumerate()}


def test_the_heart_stops_when_the_row_is_gone_and_when_work_hangs():
    beats: list[str] = []

    def beat(name: str, answer: bool) -> Callable[[], bool]:
        def renew() -> bool:
            beats.append(name)
            return answer

        return renew

    with beating(beat("gone", False), every=0.01, longest=10):
        time.sleep(0.2)
    with beating(beat("hangs", True), every=0.01, longest=0.05):
        time.sleep(0.3)

    assert beats.count("gone") == 1
    assert 1 <= beats.count("hangs") <= 6


def test_a_bundle_without_a_heat_reference_shows_each_map_at_its_own_maximum(
    send_film: SendFilm,
    first: ModelVersion,
    ticking: pipeline.Clock,
    settings: Settings,
    shelf: Path,
    tmp_path: Path,
):
    settings.BUNDLES = tmp_path / "bundles"
    folder = shutil.copytree(shelf / "v1", tmp_path / "bundles/v1")
    manifest = replace(bundle.read_manifest(folder), heat_reference={})
    (folder / "manifest.json").write_text(json.dumps(asdict(manifest)))

    answer = work(send_film(), ticking)

    assert answer.status == Status.DONE
    for heat in answer.heat.values():
        assert heat["reference"] == (heat["raw_max"] or 1.0)
