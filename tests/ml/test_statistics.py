"""Statistics, compared with published values, scikit-learn and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ml.metrics import statistics

TRUTH = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
FIRST = np.array([0.9, 0.8, 0.7, 0.6, 0.3, 0.5, 0.4, 0.35, 0.2, 0.1])
SECOND = np.array([0.6, 0.9, 0.4, 0.7, 0.2, 0.55, 0.5, 0.3, 0.25, 0.1])
PROBABILITIES = np.array([0.05, 0.15, 0.25, 0.95, 0.85, 0.75, 0.55, 0.45, 0.65, 0.35])
OUTCOMES = np.array([0, 0, 1, 1, 1, 1, 0, 1, 1, 0], dtype=bool)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(24, 28, 0.6851, 0.9430), (28, 28, 0.8794, 1), (95, 100, 0.8882, 0.9785), (0, 20, 0, 0.1611)],
)
def test_wilson_intervals_equal_the_published_ones(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert statistics.wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_the_wilson_interval_without_trials_is_zero_to_one() -> None:
    assert statistics.wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("first", "second", "p"), [(10, 3, 0.09229), (25, 10, 0.016674), (0, 0, 1.0)])
def test_mcnemars_test_gives_the_exact_two_sided_p(first: int, second: int, p: float) -> None:
    assert statistics.mcnemar_exact(first, second) == pytest.approx(p, abs=5e-6)


def test_delongs_test_gives_the_published_areas_error_and_p() -> None:
    found = statistics.delong(FIRST, SECOND, TRUTH)
    assert (found.first, found.second) == pytest.approx((0.88, 0.76))
    assert found.first_error == pytest.approx(0.1296, abs=5e-5)
    assert (found.z, found.p) == pytest.approx((1.2792, 0.2008), abs=5e-5)


def test_two_equal_scores_do_not_differ() -> None:
    found = statistics.delong(FIRST, FIRST, TRUTH)
    assert (found.difference, found.difference_error, found.p) == (0, 0, 1)


def test_the_calibration_error_over_ten_bins_equals_the_value_worked_out_by_hand() -> None:
    assert statistics.calibration_error(PROBABILITIES, OUTCOMES, bins=10) == pytest.approx(0.32)


def test_the_brier_score_of_one_column_equals_the_value_worked_out_by_hand() -> None:
    found = statistics.brier(PROBABILITIES[:, None], OUTCOMES[:, None].astype(float))
    assert found == pytest.approx(0.1525)


def test_the_auroc_with_ties_equals_that_of_scikit_learn() -> None:
    random = np.random.default_rng(4)
    scores, truth = random.integers(0, 6, 200).astype(float), random.random(200) < 0.3
    assert statistics.auroc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))


def test_a_weight_is_the_multiplicity_of_a_radiograph() -> None:
    random = np.random.default_rng(5)
    scores, truth = random.integers(0, 9, 60).astype(float), random.random(60) < 0.5
    weights = random.integers(0, 4, 60)
    expected = roc_auc_score(np.repeat(truth, weights), np.repeat(scores, weights))
    found = statistics.weighted_auroc(scores, truth, weights[None].astype(float))
    assert found[0] == pytest.approx(expected)


def test_the_auroc_without_negatives_is_nan() -> None:
    assert np.isnan(statistics.auroc(FIRST, np.ones(10, dtype=bool)))


def test_radiographs_of_one_patient_are_resampled_together() -> None:
    patients = np.array([0, 0, 1, 2, 2, 2])
    weights = statistics.patient_weights(patients, seed=1, resamples=50)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()


def test_equal_seeds_resample_equal_patients() -> None:
    patients = np.arange(9)
    first, second = (statistics.patient_weights(patients, seed=7, resamples=3) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize("radiographs", [10, 52, 248])
def test_tangos_bound_without_discordant_pairs_equals_its_closed_form(radiographs: int) -> None:
    z = 1.6448536269514722
    expected = -(z**2) / (radiographs + z**2)
    assert statistics.paired_lower_bound(0, 0, radiographs) == pytest.approx(expected, abs=1e-5)


def test_more_losses_lower_tangos_bound() -> None:
    bounds = [statistics.paired_lower_bound(5, losses, 100) for losses in (0, 5, 20)]
    assert bounds == sorted(bounds, reverse=True)
