"""Calibration: temperature, operating points and heatmap reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from ml.inference import calibration
from ml.inference.predictor import Predictor
from ml.records import LabelledImage
from tests.radiographs import radiograph_png
from tests.small_bundle import make_bundle

CLASSES = ("covid-19", "pneumonia", "normal")


def test_the_fitted_temperature_is_the_factor_of_the_logits() -> None:
    random = np.random.default_rng(3)
    true_logits = random.normal(0, 1.5, (20_000, 3))
    probabilities = softmax(true_logits, axis=1)
    targets = (probabilities.cumsum(axis=1) < random.random((20_000, 1))).sum(axis=1)
    assert calibration.fit_temperature(true_logits * 2.5, targets) == pytest.approx(2.5, rel=0.05)


def test_nineteen_of_twenty_positive_radiographs_reach_the_operating_point() -> None:
    scores = np.arange(1, 41) / 100
    truth = np.array([True] * 20 + [False] * 20)
    point = calibration.operating_point(scores, truth)
    assert point == 0.02
    assert (scores[truth] >= point).sum() == 19


def test_the_heatmap_reference_is_the_95th_percentile_of_the_true_positives() -> None:
    assert calibration.heatmap_reference(list(range(1, 102))) == pytest.approx(96)
    assert calibration.heatmap_reference([]) == 1.0


@pytest.mark.network
def test_calibration_is_written_into_the_bundle(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    radiographs = []
    for number in range(6):
        path = tmp_path / f"radiograph-{number}.png"
        path.write_bytes(radiograph_png(number))
        radiographs.append(LabelledImage(path, CLASSES[number % 3], f"patient-{number}"))
    manifest = calibration.calibrate(bundle, radiographs)
    assert Predictor(bundle).manifest == manifest
    assert set(manifest.operating_points) == set(CLASSES)
    assert all(reference > 0 for reference in manifest.heatmap_reference.values())
