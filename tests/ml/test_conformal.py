"""Conformal candidates, abstention threshold and outcome; expected numbers are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom

from ml.inference import conformal

CLASSES = ("covid-19", "pneumonia", "normal")


@pytest.mark.parametrize(
    ("radiographs", "rank"),
    [(9, 9), (10, 10), (19, 18), (20, 19), (29, 27), (99, 90), (100, 91)],  # ceil((n + 1) * 0.9)
)
def test_the_threshold_is_the_score_at_the_rank_of_the_formula(radiographs: int, rank: int) -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1, radiographs + 1)) / 1000
    assert conformal.threshold(scores) == pytest.approx(rank / 1000)


@pytest.mark.parametrize("radiographs", [0, 1, 8])
def test_fewer_than_nine_radiographs_exclude_no_class(radiographs: int) -> None:
    assert conformal.threshold(np.full(radiographs, 0.01)) == 1.0


def test_each_class_has_a_threshold_from_its_own_radiographs() -> None:
    # Nine of covid-19 with p = 0.91 to 0.99, nine of normal with p = 0.55 to 0.95, none of pneumonia.
    covid, normal = np.linspace(0.91, 0.99, 9), np.linspace(0.55, 0.95, 9)
    probabilities = np.zeros((18, 3))
    probabilities[:9, 0], probabilities[9:, 2] = covid, normal
    thresholds = conformal.thresholds(probabilities, np.repeat([0, 2], 9), CLASSES)
    assert thresholds == pytest.approx({"covid-19": 0.09, "pneumonia": 1.0, "normal": 0.45})


def test_the_true_class_is_a_candidate_with_the_guaranteed_frequency() -> None:
    # On exchangeable data the number of covered radiographs has a beta-binomial distribution (Vovk 2012).
    random = np.random.default_rng(5)
    calibrating, testing, covered = 99, 400, []
    for _ in range(200):
        scores = random.beta(1, 3, calibrating + testing)
        limit = conformal.threshold(scores[:calibrating])
        covered.append(int((scores[calibrating:] <= limit).sum()))
    distribution = betabinom(testing, 90, 10)
    assert np.mean(covered) == pytest.approx(distribution.mean(), abs=4 * distribution.std() / np.sqrt(200))
    low, high = distribution.ppf([0.025, 0.975])
    inside = np.mean([low <= count <= high for count in covered])
    assert 0.90 <= inside <= 0.99


def test_candidates_are_the_classes_within_their_limit_by_descending_probability() -> None:
    limits = {"covid-19": 0.6, "pneumonia": 0.7, "normal": 0.5}
    probabilities = {"covid-19": 0.45, "pneumonia": 0.35, "normal": 0.20}
    assert conformal.candidates(probabilities, limits) == ("covid-19", "pneumonia")
    assert conformal.candidates({"covid-19": 0.2, "pneumonia": 0.5, "normal": 0.3}, limits) == ("pneumonia",)
    assert conformal.candidates(probabilities, dict.fromkeys(CLASSES, 0.1)) == ()


def test_a_class_on_its_limit_or_without_a_limit_is_a_candidate() -> None:
    assert conformal.candidates({"covid-19": 0.25, "other": 0.01}, {"covid-19": 0.75}) == (
        "covid-19",
        "other",
    )


def test_the_abstention_threshold_allows_one_error_in_twenty() -> None:
    # In descending order: 19 correct, 1 wrong (5 %), then another wrong one (2 of 21).
    confidence = np.concatenate([np.linspace(0.99, 0.81, 19), [0.80, 0.70]])
    correct = np.array([True] * 19 + [False, False])
    assert conformal.abstention(confidence, correct) == pytest.approx(0.80)


def test_equal_confidences_are_accepted_or_rejected_together() -> None:
    confidence = np.array([0.9] * 10 + [0.8] * 10)
    correct = np.array([True] * 10 + [True] * 9 + [False])
    assert conformal.abstention(confidence, correct) == 0.8
    assert conformal.abstention(confidence, correct, error=0.04) == 0.9


def test_the_abstention_threshold_is_one_if_the_most_confident_predictions_are_wrong() -> None:
    assert conformal.abstention(np.array([0.99, 0.6, 0.5]), np.array([False, True, True])) == 1.0


@pytest.mark.parametrize(
    ("candidates", "calibrated", "out_of_distribution", "outcome"),
    [
        (("covid-19",), True, False, "finding"),
        (("covid-19", "normal"), True, False, "indeterminate"),
        (("normal",), True, False, "indeterminate"),  # the only candidate, but covid-19 is the most probable
        ((), True, False, "out-of-distribution"),
        (("covid-19",), True, True, "out-of-distribution"),
        ((), False, False, "finding"),
        ((), False, True, "out-of-distribution"),
    ],
)
def test_the_outcome_depends_on_the_candidates_and_the_out_of_distribution_measures(
    candidates: tuple[str, ...], calibrated: bool, out_of_distribution: bool, outcome: str
) -> None:
    actual = conformal.outcome_of(
        "covid-19", candidates, calibrated=calibrated, out_of_distribution=out_of_distribution
    )
    assert actual == outcome
