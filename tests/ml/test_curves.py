"""Stored points of ROC and reliability curves, compared with scikit-learn."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from ml.metrics.curves import reliability_bins, roc_points, sensitivities, summary_with_curves
from ml.metrics.evaluation_result import Evaluation, from_logits
from tests.ml.evaluations import CLASSES, MANIFEST, labelled_images

TARGET = "covid-19"


def _evaluation(radiographs: int) -> Evaluation:
    random = np.random.default_rng(7)
    labels = [CLASSES[number % 3] for number in range(radiographs)]
    logits = random.normal(size=(radiographs, 3)) + 1.5 * np.eye(3)[[CLASSES.index(one) for one in labels]]
    return from_logits(MANIFEST, labelled_images(labels), logits)


def test_the_roc_points_lie_on_the_curve_of_scikit_learn() -> None:
    evaluation = _evaluation(120)
    rates, values, _ = roc_curve(evaluation.truth(TARGET), evaluation.scores(TARGET))

    for point in roc_points(evaluation, TARGET):
        # At a vertical step both ends belong to the curve: the stored value lies between them.
        reached = values[np.isclose(rates, point["fpr"], atol=1e-4)]
        low, high = (reached.min(), reached.max()) if len(reached) else (0, 0)
        expected = np.interp(point["fpr"], rates, values)
        assert point["sensitivity"] == pytest.approx(expected, abs=1e-3) or (
            low - 1e-3 <= point["sensitivity"] <= high + 1e-3
        )
        assert point["low"] <= point["sensitivity"] <= point["high"]


def test_the_curve_ends_at_the_upper_right_where_the_lowest_score_has_the_target() -> None:
    truth = np.array([True, False, False, True])

    values = sensitivities(np.array([0.9, 0.8, 0.7, 0.1]), truth, np.ones(4), np.linspace(0, 1, 5))

    assert values == pytest.approx([0.5, 0.5, 0.5, 0.5, 1])


@pytest.mark.parametrize(("radiographs", "shown"), [(87, False), (90, True)])
def test_the_roc_has_an_interval_from_30_radiographs_with_the_target(
    radiographs: int, *, shown: bool
) -> None:
    points = summary_with_curves(_evaluation(radiographs))["curves"]["roc"]

    assert (points[25]["low"] is not None) == shown


def test_every_reliability_bin_has_at_least_30_radiographs() -> None:
    bins = reliability_bins(_evaluation(200), TARGET)

    assert [each["n"] for each in bins] == [34, 34, 33, 33, 33, 33]
    assert sum(each["n"] * each["observed"] for each in bins) == pytest.approx(67, abs=0.1)
    assert reliability_bins(_evaluation(29), TARGET) == []


def test_curves_of_a_single_class_are_empty_and_the_summary_stays_valid_json() -> None:
    labels = ["normal"] * 40
    evaluation = from_logits(replace(MANIFEST, version="v2"), labelled_images(labels), np.zeros((40, 3)))
    stored = summary_with_curves(evaluation)

    json.dumps(stored, allow_nan=False)
    assert stored["curves"]["roc"] == []
    assert "rows" not in stored
