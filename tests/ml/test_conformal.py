"""Candidates, abstention and the kind of answer; golden numbers are worked out by hand."""

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
def test_the_threshold_is_the_score_of_the_rank_that_the_formula_gives(radiographs: int, rank: int) -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1, radiographs + 1)) / 1000
    assert conformal.threshold(scores) == pytest.approx(rank / 1000)


@pytest.mark.parametrize("radiographs", [0, 1, 8])
def test_fewer_than_nine_radiographs_exclude_nothing(radiographs: int) -> None:
    assert conformal.threshold(np.full(radiographs, 0.01)) == 1.0


def test_each_class_has_the_threshold_of_its_own_radiographs() -> None:
    # Nine radiographs of covid-19 with p = 0.91 to 0.99 and nine of normal with p = 0.55 to 0.95; no pneumonia.
    covid, normal = np.linspace(0.91, 0.99, 9), np.linspace(0.55, 0.95, 9)
    probabilities = np.zeros((18, 3))
    probabilities[:9, 0], probabilities[9:, 2] = covid, normal
    found = conformal.thresholds(probabilities, np.repeat([0, 2], 9), CLASSES)
    assert found == pytest.approx({"covid-19": 0.09, "pneumonia": 1.0, "normal": 0.45})


def test_the_true_class_is_a_candidate_as_often_as_promised() -> None:
    # On exchangeable data the number of covered test radiographs follows a beta-binomial law (Vovk 2012).
    random = np.random.default_rng(5)
    calibrating, testing, covered = 99, 400, []
    for _ in range(200):
        scores = random.beta(1, 3, calibrating + testing)
        limit = conformal.threshold(scores[:calibrating])
        covered.append(int((scores[calibrating:] <= limit).sum()))
    law = betabinom(testing, 90, 10)
    assert np.mean(covered) == pytest.approx(law.mean(), abs=4 * law.std() / np.sqrt(200))
    low, high = law.ppf([0.025, 0.975])
    inside = np.mean([low <= count <= high for count in covered])
    assert 0.90 <= inside <= 0.99


def test_candidates_are_those_whose_score_is_within_the_limit_the_likeliest_first() -> None:
    limits = {"covid-19": 0.6, "pneumonia": 0.7, "normal": 0.5}
    said = {"covid-19": 0.45, "pneumonia": 0.35, "normal": 0.20}
    assert conformal.candidates(said, limits) == ("covid-19", "pneumonia")
    assert conformal.candidates({"covid-19": 0.2, "pneumonia": 0.5, "normal": 0.3}, limits) == ("pneumonia",)
    assert conformal.candidates(said, dict.fromkeys(CLASSES, 0.1)) == ()


def test_a_score_on_the_limit_stays_and_a_class_without_a_limit_too() -> None:
    assert conformal.candidates({"covid-19": 0.25, "other": 0.01}, {"covid-19": 0.75}) == (
        "covid-19",
        "other",
    )


def test_abstention_gives_as_many_answers_as_one_error_in_twenty_allows() -> None:
    # From the top: 19 right, 1 wrong (5 %), then one more wrong (2 of 21).
    confidence = np.concatenate([np.linspace(0.99, 0.81, 19), [0.80, 0.70]])
    correct = np.array([True] * 19 + [False, False])
    assert conformal.abstention(confidence, correct) == pytest.approx(0.80)


def test_radiographs_of_one_confidence_stand_or_fall_together() -> None:
    confidence = np.array([0.9] * 10 + [0.8] * 10)
    correct = np.array([True] * 10 + [True] * 9 + [False])
    assert conformal.abstention(confidence, correct) == 0.8
    assert conformal.abstention(confidence, correct, error=0.04) == 0.9


def test_where_the_surest_answers_are_wrong_none_is_given() -> None:
    assert conformal.abstention(np.array([0.99, 0.6, 0.5]), np.array([False, True, True])) == 1.0


@pytest.mark.parametrize(
    ("named", "measured", "novel", "kind"),
    [
        (("covid-19",), True, False, "finding"),
        (("covid-19", "normal"), True, False, "indeterminate"),
        (("normal",), True, False, "indeterminate"),  # alone, but covid-19 is the likeliest
        ((), True, False, "out-of-distribution"),
        (("covid-19",), True, True, "out-of-distribution"),
        ((), False, False, "finding"),
        ((), False, True, "out-of-distribution"),
    ],
)
def test_the_kind_of_answer_follows_from_the_candidates_and_from_novelty(
    named: tuple[str, ...], measured: bool, novel: bool, kind: str
) -> None:
    assert conformal.outcome_of("covid-19", named, measured=measured, novel=novel) == kind
