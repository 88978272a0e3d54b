"""Agreement of readers against published examples and scikit-learn."""

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
def test_two_readers_as_scikit_learn_has_it(seed: int) -> None:
    pairs = _pairs(seed)
    expected = cohen_kappa_score([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    found = reader_agreement.cohen_kappa(pairs)
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.interval[0] < found.value < found.interval[1]
    assert found.cases == 60


def test_fourteen_readers_as_published() -> None:
    assert reader_agreement.fleiss_kappa(FOURTEEN).value == pytest.approx(0.210, abs=5e-4)


def test_four_observers_with_gaps_as_published() -> None:
    counts = reader_agreement.counts_of(UNITS, "12345")
    found = reader_agreement.krippendorff_alpha(counts)
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert found.cases == 11  # the last unit has one observer


def test_for_two_readers_fleiss_is_scotts_pi() -> None:
    """By hand: 8 of 10 agree; 12 of 20 words are the first: by chance 0.36 + 0.16; (0.8 - 0.52) / 0.48."""
    counts = np.array([[2, 0]] * 5 + [[1, 1]] * 2 + [[0, 2]] * 3, float)
    assert reader_agreement.fleiss_kappa(counts).value == pytest.approx(0.28 / 0.48)


def test_full_agreement_is_one_and_one_word_alone_is_no_agreement_at_all() -> None:
    both = reader_agreement.cohen_kappa([("a", "a"), ("b", "b"), ("a", "a")])
    assert both.value == 1
    assert np.isnan(reader_agreement.cohen_kappa([("a", "a")] * 5).value)
    assert np.isnan(reader_agreement.krippendorff_alpha(np.array([[2.0, 0.0]] * 5)).value)


def test_nothing_to_compare_is_no_number() -> None:
    empty = reader_agreement.krippendorff_alpha(np.empty((0, 3)))
    assert np.isnan(empty.value)
    assert empty.cases == 0
    assert reader_agreement.krippendorff_alpha(np.array([[1.0, 0.0]])).cases == 0


def test_fleiss_refuses_a_number_of_readings_that_differs() -> None:
    with pytest.raises(ValueError, match="same number"):
        reader_agreement.fleiss_kappa(np.array([[2.0, 0.0], [2.0, 1.0]]))


def test_the_interval_covers_what_the_readers_were_made_to_agree_on() -> None:
    """Of 40 studies whose readers agree beyond chance 0.6, a 95 % interval misses 0.6 in two; six at most."""
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
