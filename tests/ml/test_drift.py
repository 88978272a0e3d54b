"""Drift measures against scipy, against calculations by hand, and against samples without drift."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from scipy.stats import ks_2samp

from ml.metrics import drift


def histogram(values: np.ndarray, bins: int = 50) -> np.ndarray:
    return np.histogram(values, bins=bins, range=(0, 1))[0].astype(float)


def test_the_index_of_two_groups_is_that_calculated_by_hand() -> None:
    found = drift.psi(np.array([50.0, 50.0]), np.array([80.0, 20.0]))

    # (0.8 - 0.5) ln(0.8 / 0.5) + (0.2 - 0.5) ln(0.2 / 0.5)
    assert found == pytest.approx(0.3 * log(1.6) + 0.3 * log(2.5))
    assert found == pytest.approx(0.4159, abs=5e-5)


def test_the_index_of_equal_shares_is_zero_whatever_their_number() -> None:
    assert drift.psi(np.array([10.0, 30.0]), np.array([200.0, 600.0])) == pytest.approx(0)


def test_an_empty_group_counts_as_half_an_observation() -> None:
    expected = (99.5 / 100 - 0.5) * log((99.5 / 100) / 0.5) + (0.5 / 100 - 0.5) * log((0.5 / 100) / 0.5)

    found = drift.psi(np.array([50.0, 50.0]), np.array([99.5, 0.0]))

    assert found == pytest.approx(expected)


def test_the_distance_and_its_p_are_those_of_scipy_and_of_kolmogorovs_series() -> None:
    random = np.random.default_rng(5)
    # Values in the middle of bins: the histogram loses nothing.
    first = (random.integers(0, 50, 400) + 0.5) / 50
    second = (random.integers(5, 50, 300) + 0.5) / 50
    expected = ks_2samp(first, second).statistic
    scaled = expected * (400 * 300 / 700) ** 0.5
    series = 2 * sum((-1) ** (k - 1) * exp(-2 * k**2 * scaled**2) for k in range(1, 50))  # Kolmogorov 1933

    found = drift.measure_drift(histogram(first), histogram(second))

    assert (found.n, found.reference_n) == (300, 400)
    assert found.ks == pytest.approx(expected)
    assert found.ks_p == pytest.approx(series)


def test_groups_hold_about_equally_many_of_the_reference() -> None:
    reference = histogram(np.random.default_rng(1).beta(2, 5, 10_000), bins=100)

    counts = np.add.reduceat(reference, drift.group_starts(reference))

    assert len(counts) == 10
    assert counts.min() > 700
    assert counts.max() < 1300


def test_a_shift_is_beyond_chance_and_its_intervals_contain_the_estimates() -> None:
    random = np.random.default_rng(2)
    reference, sample = histogram(random.normal(0.5, 0.1, 300)), histogram(random.normal(0.6, 0.1, 100))

    found = drift.measure_drift(reference, sample)

    assert found.psi > 0.25
    assert found.psi > found.psi_by_chance
    assert found.ks_interval[0] <= found.ks <= found.ks_interval[1]
    assert found.psi_interval[0] < found.psi_interval[1]
    assert found.ks_interval[0] > 0.2
    assert found.ks_p < 1e-6


def test_one_in_a_thousand_samples_without_drift_exceeds_what_chance_explains() -> None:
    random = np.random.default_rng(3)
    exceeded = 0
    for _ in range(400):
        reference, sample = histogram(random.uniform(size=200)), histogram(random.uniform(size=100))
        starts = drift.group_starts(reference)
        index = drift.psi(*(np.add.reduceat(counts, starts) for counts in (reference, sample)))
        exceeded += bool(index > drift.psi_by_chance(len(starts), 200, 100))

    assert exceeded <= 6  # 400 samples with p = 0.001 exceed it more than 6 times in 2 of 10 ** 7 runs


def test_the_same_histograms_have_the_same_intervals_in_each_call() -> None:
    reference, sample = np.array([30.0, 40.0, 30.0]), np.array([10.0, 20.0, 30.0])

    assert drift.measure_drift(reference, sample) == drift.measure_drift(reference, sample)


def test_the_interval_of_samples_without_drift_begins_at_zero_and_contains_the_estimate() -> None:
    random = np.random.default_rng(6)
    reference, sample = (histogram(random.uniform(size=n)) for n in (400, 300))

    found = drift.measure_drift(reference, sample)

    for value, (low, high) in ((found.psi, found.psi_interval), (found.ks, found.ks_interval)):
        assert 0 <= low <= value <= high
    assert found.psi_interval[0] == 0


def test_an_empty_histogram_is_refused() -> None:
    with pytest.raises(ValueError, match="without observations"):
        drift.measure_drift(np.array([1.0, 2.0]), np.zeros(2))
