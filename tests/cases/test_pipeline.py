"""The prediction job with a real network."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import storage
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import retry
from diagnostics.cases.tasks import classify
from diagnostics.jobs.lease import Clock
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion, Promotion
from ml.inference import heatmap_files
from ml.networks import bundle, out_of_distribution
from tests.cases.conftest import SendRadiograph, with_files
from tests.cases.network import compute, stored_files

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("storage_folders")]


def test_a_queued_prediction_is_computed_with_probabilities_and_timings(
    send_radiograph: SendRadiograph, first: ModelVersion, clock: Clock, now: datetime
):
    case = send_radiograph()

    prediction = compute(case, clock)

    assert (prediction.status, prediction.version, prediction.attempts) == (JobStatus.DONE, first, 1)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert prediction.finding == max(prediction.probabilities, key=prediction.probabilities.__getitem__)
    assert prediction.operating_points == {"covid-19": 0.5, "pneumonia": 0.5, "normal": 0.5}
    assert (prediction.token, prediction.lease_until) == (None, None)
    assert prediction.started_at
    assert prediction.finished_at
    assert now < prediction.started_at < prediction.finished_at
    assert prediction.seconds["waited"] == 2.0
    case.refresh_from_db()
    assert case.triage_score == prediction.probabilities["covid-19"] < 1
    assert set(prediction.input_measures) == {"grey_mean", "contrast", "sharpness", "corner_excess"}
    assert set(prediction.seconds) >= {"waited", "prepare", "network", "heatmap", "store"}


def test_heatmaps_are_stored_as_grids_and_as_an_overlay_of_the_radiograph(
    send_radiograph: SendRadiograph, first: ModelVersion, clock: Clock
):
    case = send_radiograph()

    prediction = compute(case, clock)

    heatmaps, frame = heatmap_files.load_heatmaps(storage.path(prediction.heatmap_file))
    overlay = cv2.imdecode(np.fromfile(storage.path(prediction.overlay_file), np.uint8), cv2.IMREAD_UNCHANGED)
    assert overlay is not None
    assert set(heatmaps) == set(prediction.probabilities) == set(prediction.heatmaps)
    assert (frame.radiograph_height, frame.radiograph_width) == overlay.shape[:2] == (256, 256)
    for finding, scale in prediction.heatmaps.items():
        assert scale["raw_max"] == pytest.approx(heatmaps[finding].raw_max)
        assert scale["reference"] == 0.1
        assert scale["no_positive_evidence"] is heatmaps[finding].no_positive_evidence


def test_a_prediction_is_stored_with_outcome_uncertainty_and_quality_flags(
    send_radiograph: SendRadiograph,
    first: ModelVersion,
    clock: Clock,
    settings: Settings,
    bundles: Path,
    tmp_path: Path,
):
    settings.BUNDLES = tmp_path / "bundles"
    settings.BUNDLES.mkdir()
    model, manifest = bundle.load_network(bundles / "v1")
    # Random features: every radiograph is out of distribution.
    features = np.random.default_rng(0).random((80, 32 + 64))
    reference = out_of_distribution.fit(features[:40], np.arange(40) % 3)
    limits = out_of_distribution.limits(reference, features[40:], np.zeros((40, 3)), source="training set")
    manifest = replace(manifest, conformal={"normal": 0.0}, abstention=1.0, out_of_distribution=limits)
    bundle.write(settings.BUNDLES / "v1", model, manifest, reference=reference)
    with_files(first, settings.BUNDLES)
    case = send_radiograph()
    Case.objects.filter(pk=case.pk).update(triage_score=0.5)
    case.radiograph.colour = 40.0  # stopped by the quality gate, which an administrator has overridden
    case.radiograph.save()
    case.predictions.update(override_reason="The file is a coloured print of a radiograph.")

    prediction = compute(case, clock)

    assert (prediction.outcome, prediction.abstention) == ("out-of-distribution", 1.0)
    assert set(prediction.candidates) == {"covid-19", "pneumonia"}
    assert (
        prediction.out_of_distribution["knn"]["value"]
        > prediction.out_of_distribution["knn"]["limit"]
        == pytest.approx(limits.knn)
    )
    assert set(prediction.out_of_distribution) == {"knn", "mahalanobis", "energy"}
    assert prediction.quality_flags == ["coloured"]
    assert prediction.quality_code == "not-a-radiograph"
    case.refresh_from_db()
    assert case.triage_score == 1.0  # no single finding: served first
    assert sum(prediction.probabilities.values()) == pytest.approx(1)


def test_a_version_without_thresholds_stores_no_uncertainty(
    send_radiograph: SendRadiograph, first: ModelVersion, clock: Clock
):
    prediction = compute(send_radiograph(), clock)

    assert (prediction.outcome, prediction.candidates, prediction.out_of_distribution) == ("finding", [], {})
    assert (prediction.abstention, prediction.quality_flags) == (None, [])


def test_a_prediction_is_audited_without_patient_data(
    send_radiograph: SendRadiograph, first: ModelVersion, clock: Clock
):
    case = send_radiograph(patient_ref="CANARY-1")

    prediction = compute(case, clock)

    event = AuditEvent.objects.get(action=Action.PREDICTION_STORED)
    assert (event.by, event.target_id, event.at) == (None, str(case.pk), prediction.finished_at)
    assert event.detail == {"prediction": str(prediction.pk), "version": "v1", "engine": "tensorflow-f32"}
    assert not [path for path in stored_files() if "CANARY" in str(path)]


def test_a_message_delivered_three_times_changes_nothing(
    send_radiograph: SendRadiograph, first: ModelVersion
):
    queued = send_radiograph().predictions.get()
    classify(str(queued.pk))
    after_first = (*Prediction.objects.values(), *AuditEvent.objects.values(), *stored_files())

    classify(str(queued.pk))
    classify(str(queued.pk))

    assert (*Prediction.objects.values(), *AuditEvent.objects.values(), *stored_files()) == after_first


def test_a_message_without_a_row_is_ignored(db: None):
    classify(str(uuid.uuid4()))


def test_the_active_version_computes_the_prediction(
    send_radiograph: SendRadiograph,
    technician: User,
    first: ModelVersion,
    second: ModelVersion,
    clock: Clock,
):
    Promotion.objects.filter(active=True).delete()
    Promotion.objects.create(version=first, reason="again", since=datetime(2026, 1, 1, tzinfo=UTC))
    case = send_radiograph()
    before = compute(case, clock)
    Promotion.objects.filter(active=True).delete()
    Promotion.objects.create(version=second, reason="better", since=datetime(2026, 1, 2, tzinfo=UTC))
    retry.retry(case=case, by=technician, now=clock())

    after = compute(case, clock)

    assert (before.version, after.version) == (first, second)
    assert before.probabilities != after.probabilities
    assert case.predictions.filter(status=JobStatus.DONE).count() == 2


def test_a_retry_uses_the_version_that_was_active_when_it_was_queued(
    send_radiograph: SendRadiograph,
    technician: User,
    first: ModelVersion,
    second: ModelVersion,
    clock: Clock,
):
    case = send_radiograph()
    case.predictions.update(status=JobStatus.DONE, version=first)
    retry.retry(case=case, by=technician, now=clock())
    Promotion.objects.filter(active=True).delete()
    Promotion.objects.create(version=first, reason="back", since=clock())

    prediction = compute(case, clock)

    assert (prediction.status, prediction.version) == (JobStatus.DONE, second)


def test_the_next_prediction_has_the_thresholds_of_the_deployment(
    send_radiograph: SendRadiograph, first: ModelVersion, clock: Clock
):
    own = {"covid-19": 0.5, "pneumonia": 0.5, "normal": 0.5}
    thresholds = []
    for seed, covid in enumerate((0.2, 0.7)):
        Promotion.objects.filter(active=True).update(active=False, until=clock())
        Promotion.objects.create(
            version=first, reason="again", since=clock(), operating_points=own | {"covid-19": covid}
        )
        thresholds.append(compute(send_radiograph(seed=seed), clock).operating_points)

    assert thresholds == [own | {"covid-19": 0.2}, own | {"covid-19": 0.7}]
