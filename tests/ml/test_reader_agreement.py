"""Inter-reader agreement, compared with published examples and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from ml.metrics import reader_agreement

FINDINGS = ("covid-19", "normal", "other", "pneumonia")

# Fourteen readers, ten subjects, five classes: the worked example of the article on Fleiss' kappa in
# Wikipedia, kappa 0.210.
FOURTEEN = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ],
    float,
)
# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: four observers, twelve
# units, missing data; nominal alpha 0.743.
UNITS = (
    {"A": "1", "B": "1", "D": "1"},
    {"A": "2", "B": "2", "C": "3", "D": "2"},
    {"A": "3", "B": "3", "C": "3", "D": "3"},
    {"A": "3", "B": "3", "C": "3", "D": "3"},
    {"A": "2", "B": "2", "C": "2", "D": "2"},
    {"A": "1", "B": "2", "C": "3", "D": "4"},
    {"A": "4", "B": "4", "C": "4", "D": "4"},
    {"A": "1", "B": "1", "C": "2", "D": "1"},
    {"A": "2", "B": "2", "C": "2", "D": "2"},
    {"B": "5", "C": "5", "D": "5"},
    {"C": "1", "D": "1"},
    {"B": "3"},
)


def _pairs(seed: int, cases: int = 60) -> list[tuple[str, str]]:
    random = np.random.default_rng(seed)
    first = random.choice(FINDINGS, cases, p=[0.2, 0.5, 0.1, 0.2])
    guess = random.choice(FINDINGS, cases)
    second = np.where(random.random(cases) < 0.6, first, guess)
    return [(str(a), str(b)) for a, b in zip(first, second, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_cohens_kappa_equals_that_of_scikit_learn(seed: int) -> None:
    pairs = _pairs(seed)
    expected = cohen_kappa_score([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    agreement = reader_agreement.cohen_kappa(pairs)
    assert agreement.value == pytest.approx(expected, abs=1e-12)
    assert agreement.interval[0] < agreement.value < agreement.interval[1]
    assert agreement.cases == 60


def test_fleiss_kappa_of_fourteen_readers_equals_the_published_value() -> None:
    assert reader_agreement.fleiss_kappa(FOURTEEN).value == pytest.approx(0.210, abs=5e-4)


def test_krippendorffs_alpha_with_missing_readings_equals_the_published_value() -> None:
    counts = reader_agreement.counts_of(UNITS, "12345")
    agreement = reader_agreement.krippendorff_alpha(counts)
    assert agreement.value == pytest.approx(0.743, abs=5e-4)
    assert agreement.cases == 11  # the last unit has one observer


def test_fleiss_kappa_of_two_readers_is_scotts_pi() -> None:
    """8 of 10 agree; 12 of 20 readings are the first class: by chance 0.36 + 0.16; (0.8 - 0.52) / 0.48."""
    counts = np.array([[2, 0]] * 5 + [[1, 1]] * 2 + [[0, 2]] * 3, float)
    assert reader_agreement.fleiss_kappa(counts).value == pytest.approx(0.28 / 0.48)


def test_full_agreement_is_one_and_undefined_for_a_single_finding() -> None:
    full = reader_agreement.cohen_kappa([("a", "a"), ("b", "b"), ("a", "a")])
    assert full.value == 1
    assert np.isnan(reader_agreement.cohen_kappa([("a", "a")] * 5).value)
    assert np.isnan(reader_agreement.krippendorff_alpha(np.array([[2.0, 0.0]] * 5)).value)


def test_agreement_without_two_readings_of_a_case_is_nan() -> None:
    empty = reader_agreement.krippendorff_alpha(np.empty((0, 3)))
    assert np.isnan(empty.value)
    assert empty.cases == 0
    assert reader_agreement.krippendorff_alpha(np.array([[1.0, 0.0]])).cases == 0


def test_fleiss_kappa_refuses_different_numbers_of_readings() -> None:
    with pytest.raises(ValueError, match="same number"):
        reader_agreement.fleiss_kappa(np.array([[2.0, 0.0], [2.0, 1.0]]))


def test_the_interval_covers_the_simulated_agreement() -> None:
    """In 40 simulated studies with kappa 0.6, the 95 % interval misses 0.6 in about two; six are allowed."""
    misses = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        first = random.integers(0, 4, 120)
        second = np.where(random.random(120) < 0.6, first, random.integers(0, 4, 120))
        low, high = reader_agreement.cohen_kappa(
            list(zip(first.tolist(), second.tolist(), strict=True))
        ).interval
        misses += not low <= 0.6 <= high
    assert misses <= 6
