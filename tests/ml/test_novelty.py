"""Novelty of features and logits, beside scikit-learn's own measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from ml import novelty
from ml.records import Measured, Novelty, NoveltyLimits

WIDTH = 24


def drawn(films: int, *, seed: int, shift: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Draw features as of a ReLU layer: three classes, each with its own channels."""
    random = np.random.default_rng(seed)
    labels = np.arange(films) % 3
    centres = np.eye(3).repeat(WIDTH // 3, axis=1) + 1
    return np.abs(centres[labels] + random.normal(shift, 0.3, (films, WIDTH))), labels


@pytest.fixture(scope="module")
def reference() -> novelty.Reference:
    return novelty.fit(*drawn(300, seed=1))


def test_the_tenth_neighbour_is_the_one_scikit_learn_finds(reference: novelty.Reference) -> None:
    asked, _ = drawn(50, seed=2)
    neighbours = NearestNeighbors(n_neighbors=10).fit(normalize(drawn(300, seed=1)[0]))
    expected = neighbours.kneighbors(normalize(asked))[0][:, -1]
    np.testing.assert_allclose(novelty.knn(reference, asked), expected, atol=1e-3)  # points are half floats


def test_the_distance_to_a_class_is_the_one_of_scikit_learns_covariance(reference: novelty.Reference) -> None:
    features, labels = drawn(300, seed=1)
    points = normalize(features)
    means = np.stack([points[labels == label].mean(axis=0) for label in range(3)])
    shrunk = LedoitWolf(assume_centered=True).fit(points - means[labels])
    asked, _ = drawn(50, seed=2)
    by_class = [shrunk.mahalanobis(normalize(asked) - mean) for mean in means]  # squared
    np.testing.assert_allclose(
        novelty.mahalanobis(reference, asked), np.sqrt(np.min(by_class, axis=0)), rtol=1e-3
    )


def test_energy_is_the_negative_log_of_the_summed_powers() -> None:
    logits = np.log([[1.0, 2.0, 5.0], [0.5, 0.25, 0.25]])
    np.testing.assert_allclose(novelty.energy(logits), [-np.log(8), 0], atol=1e-12)


def test_length_does_not_matter_only_direction(reference: novelty.Reference) -> None:
    asked, _ = drawn(5, seed=3)
    np.testing.assert_allclose(
        novelty.mahalanobis(reference, asked * 40), novelty.mahalanobis(reference, asked), rtol=1e-9
    )


def limits_of(reference: novelty.Reference) -> NoveltyLimits:
    features, _ = drawn(200, seed=4)
    logits = np.random.default_rng(4).normal((4, 0, 0), 1, (200, 3))
    return novelty.limits(reference, features, logits, source="learning films")


def test_one_of_two_hundred_calibration_films_lies_beyond_a_limit(reference: novelty.Reference) -> None:
    # The 99th percentile of 200 values lies at place 0.99 * 199 = 197.01; upwards that is place 198 from 0.
    features, _ = drawn(200, seed=4)
    found = limits_of(reference)
    assert found.knn == pytest.approx(np.sort(novelty.knn(reference, features))[198])
    assert (novelty.mahalanobis(reference, features) > found.mahalanobis).sum() == 1
    assert (found.reference_films, found.calibration_films) == (300, 200)


def test_films_of_the_same_kind_pass_and_of_another_are_flagged(reference: novelty.Reference) -> None:
    limits = limits_of(reference)
    logits = np.array([4.0, 0, 0])
    same, _ = drawn(200, seed=5)
    flagged = [novelty.measure(reference, limits, row, logits).exceeded for row in same]
    assert np.mean(flagged) <= 0.05
    noise = np.abs(np.random.default_rng(6).normal(0, 1, (200, WIDTH)))
    assert np.mean([novelty.measure(reference, limits, row, logits).exceeded for row in noise]) >= 0.95
    faint = novelty.measure(reference, limits, same[0], np.zeros(3))  # logits of a net that knows nothing
    assert faint.energy.exceeded
    assert faint.exceeded


def test_a_measure_that_is_no_number_counts_as_exceeded() -> None:
    assert Measured(float("nan"), 1.0).exceeded
    fine = Measured(0.5, 1.0)
    assert not Novelty(fine, fine, Measured(1.0, 1.0)).exceeded


def test_a_stored_reference_measures_as_before_and_stays_small(
    reference: novelty.Reference, tmp_path: Path
) -> None:
    novelty.save(tmp_path / "reference.npz", reference)
    loaded = novelty.load(tmp_path / "reference.npz")
    asked, _ = drawn(20, seed=7)
    np.testing.assert_array_equal(novelty.knn(loaded, asked), novelty.knn(reference, asked))
    np.testing.assert_array_equal(novelty.mahalanobis(loaded, asked), novelty.mahalanobis(reference, asked))


@pytest.mark.parametrize("width", [512, 256 + 512 + 512, 512 + 1024 + 2048])
def test_the_largest_reference_fits_the_bundle(width: int, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    features = np.abs(random.normal(1, 0.3, (novelty.MOST_FILMS, width)))
    novelty.save(tmp_path / "reference.npz", novelty.fit(features, np.arange(novelty.MOST_FILMS) % 3))
    assert (tmp_path / "reference.npz").stat().st_size <= 1_500_000


def test_wide_features_are_narrowed_and_still_tell_novelty(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(3), 200, axis=1) + 0.2  # 600 features

    def films(count: int) -> NDArray[np.float64]:
        return np.abs(centres[np.arange(count) % 3] + random.normal(0, 0.05, (count, 600)))

    reference = novelty.fit(films(300), np.arange(300) % 3)
    novelty.save(tmp_path / "reference.npz", reference)
    reference = novelty.load(tmp_path / "reference.npz")
    assert (reference.width, reference.points.shape[1]) == (600, 300 // 2 + 1)
    limits = novelty.limits(reference, films(200), random.normal(0, 1, (200, 3)), source="learning films")
    mixed = (films(3)[[0]] + films(3)[[1]] + films(3)[[2]]) / 3
    assert novelty.knn(reference, mixed)[0] > limits.knn
    assert np.mean(novelty.knn(reference, films(100)) > limits.knn) <= 0.05


def test_too_few_films_make_no_reference_and_no_limits(reference: novelty.Reference) -> None:
    features, labels = drawn(39, seed=8)
    with pytest.raises(ValueError, match="40 films"):
        novelty.fit(features, labels)
    with pytest.raises(ValueError, match="40 films"):
        novelty.limits(reference, features, np.zeros((39, 3)), source="learning films")
