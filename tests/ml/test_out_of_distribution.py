"""Out-of-distribution measures, compared with scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from ml.networks import out_of_distribution
from ml.records import Measurement, OutOfDistribution, OutOfDistributionLimits

WIDTH = 24


def synthetic_features(
    radiographs: int, *, seed: int, shift: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Return features as of a ReLU layer and labels: three classes, each with its own channels."""
    random = np.random.default_rng(seed)
    labels = np.arange(radiographs) % 3
    centres = np.eye(3).repeat(WIDTH // 3, axis=1) + 1
    return np.abs(centres[labels] + random.normal(shift, 0.3, (radiographs, WIDTH))), labels


@pytest.fixture(scope="module")
def reference() -> out_of_distribution.Reference:
    return out_of_distribution.fit(*synthetic_features(300, seed=1))


def test_the_distance_to_the_tenth_neighbour_equals_that_of_scikit_learn(
    reference: out_of_distribution.Reference,
) -> None:
    queries, _ = synthetic_features(50, seed=2)
    neighbours = NearestNeighbors(n_neighbors=10).fit(normalize(synthetic_features(300, seed=1)[0]))
    expected = neighbours.kneighbors(normalize(queries))[0][:, -1]
    np.testing.assert_allclose(
        out_of_distribution.knn(reference, queries), expected, atol=1e-3
    )  # points are half floats


def test_the_mahalanobis_distance_equals_that_of_scikit_learns_covariance(
    reference: out_of_distribution.Reference,
) -> None:
    features, labels = synthetic_features(300, seed=1)
    points = normalize(features)
    means = np.stack([points[labels == label].mean(axis=0) for label in range(3)])
    shrunk = LedoitWolf(assume_centered=True).fit(points - means[labels])
    queries, _ = synthetic_features(50, seed=2)
    by_class = [shrunk.mahalanobis(normalize(queries) - mean) for mean in means]  # squared
    np.testing.assert_allclose(
        out_of_distribution.mahalanobis(reference, queries), np.sqrt(np.min(by_class, axis=0)), rtol=1e-3
    )


def test_energy_is_the_negative_logsumexp_of_the_logits() -> None:
    logits = np.log([[1.0, 2.0, 5.0], [0.5, 0.25, 0.25]])
    np.testing.assert_allclose(out_of_distribution.energy(logits), [-np.log(8), 0], atol=1e-12)


def test_the_length_of_the_features_has_no_effect(reference: out_of_distribution.Reference) -> None:
    queries, _ = synthetic_features(5, seed=3)
    np.testing.assert_allclose(
        out_of_distribution.mahalanobis(reference, queries * 40),
        out_of_distribution.mahalanobis(reference, queries),
        rtol=1e-9,
    )


def limits_of(reference: out_of_distribution.Reference) -> OutOfDistributionLimits:
    features, _ = synthetic_features(200, seed=4)
    logits = np.random.default_rng(4).normal((4, 0, 0), 1, (200, 3))
    return out_of_distribution.limits(reference, features, logits, source="training set")


def test_one_of_two_hundred_calibration_radiographs_exceeds_a_limit(
    reference: out_of_distribution.Reference,
) -> None:
    # The 99th percentile of 200 values has index 0.99 * 199 = 197.01; the next higher index is 198.
    features, _ = synthetic_features(200, seed=4)
    limits = limits_of(reference)
    assert limits.knn == pytest.approx(np.sort(out_of_distribution.knn(reference, features))[198])
    assert (out_of_distribution.mahalanobis(reference, features) > limits.mahalanobis).sum() == 1
    assert (limits.reference_radiographs, limits.calibration_radiographs) == (300, 200)


def test_typical_radiographs_pass_and_others_exceed_a_limit(
    reference: out_of_distribution.Reference,
) -> None:
    limits = limits_of(reference)
    logits = np.array([4.0, 0, 0])
    same, _ = synthetic_features(200, seed=5)
    flagged = [out_of_distribution.measure(reference, limits, row, logits).exceeded for row in same]
    assert np.mean(flagged) <= 0.05
    noise = np.abs(np.random.default_rng(6).normal(0, 1, (200, WIDTH)))
    assert (
        np.mean([out_of_distribution.measure(reference, limits, row, logits).exceeded for row in noise])
        >= 0.95
    )
    undecided = out_of_distribution.measure(
        reference, limits, same[0], np.zeros(3)
    )  # logits of an undecided network
    assert undecided.energy.exceeded
    assert undecided.exceeded


def test_a_measure_of_nan_counts_as_exceeded() -> None:
    assert Measurement(float("nan"), 1.0).exceeded
    valid = Measurement(0.5, 1.0)
    assert not OutOfDistribution(valid, valid, Measurement(1.0, 1.0)).exceeded


def test_a_stored_reference_gives_equal_distances(
    reference: out_of_distribution.Reference, tmp_path: Path
) -> None:
    out_of_distribution.save(tmp_path / "reference.npz", reference)
    loaded = out_of_distribution.load(tmp_path / "reference.npz")
    queries, _ = synthetic_features(20, seed=7)
    np.testing.assert_array_equal(
        out_of_distribution.knn(loaded, queries), out_of_distribution.knn(reference, queries)
    )
    np.testing.assert_array_equal(
        out_of_distribution.mahalanobis(loaded, queries), out_of_distribution.mahalanobis(reference, queries)
    )


@pytest.mark.parametrize("width", [512, 256 + 512 + 512, 512 + 1024 + 2048])
@pytest.mark.slow
def test_the_largest_reference_file_is_below_its_limit(width: int, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    features = np.abs(random.normal(1, 0.3, (out_of_distribution.MAX_RADIOGRAPHS, width)))
    out_of_distribution.save(
        tmp_path / "reference.npz",
        out_of_distribution.fit(features, np.arange(out_of_distribution.MAX_RADIOGRAPHS) % 3),
    )
    assert (tmp_path / "reference.npz").stat().st_size <= 1_500_000


@pytest.mark.slow
def test_wide_features_are_projected_and_still_detect_outliers(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(3), 200, axis=1) + 0.2  # 600 features

    def radiographs(count: int) -> NDArray[np.float64]:
        return np.abs(centres[np.arange(count) % 3] + random.normal(0, 0.05, (count, 600)))

    reference = out_of_distribution.fit(radiographs(300), np.arange(300) % 3)
    out_of_distribution.save(tmp_path / "reference.npz", reference)
    reference = out_of_distribution.load(tmp_path / "reference.npz")
    assert (reference.width, reference.points.shape[1]) == (600, 300 // 2 + 1)
    limits = out_of_distribution.limits(
        reference, radiographs(200), random.normal(0, 1, (200, 3)), source="training set"
    )
    mixture = (radiographs(3)[[0]] + radiographs(3)[[1]] + radiographs(3)[[2]]) / 3
    assert out_of_distribution.knn(reference, mixture)[0] > limits.knn
    assert np.mean(out_of_distribution.knn(reference, radiographs(100)) > limits.knn) <= 0.05


def test_too_few_radiographs_are_refused_for_reference_and_limits(
    reference: out_of_distribution.Reference,
) -> None:
    features, labels = synthetic_features(39, seed=8)
    with pytest.raises(ValueError, match="40 radiographs"):
        out_of_distribution.fit(features, labels)
    with pytest.raises(ValueError, match="40 radiographs"):
        out_of_distribution.limits(reference, features, np.zeros((39, 3)), source="training set")
