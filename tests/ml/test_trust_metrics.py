"""Checks C, D, E and H agree with values computed by hand or published."""

from __future__ import annotations

import numpy as np
import pytest

from ml.trust import abstention, discrimination, reliability
from ml.trust.subgroups import age_band, subgroup_sensitivity
from tests.ml.trust_predictions import predictions

# Ten radiographs, one in each calibration bin: the error is the mean of |predicted - observed| = 0.32.
PREDICTED = (0.05, 0.15, 0.25, 0.95, 0.85, 0.75, 0.55, 0.45, 0.65, 0.35)
OBSERVED = (0, 0, 1, 1, 1, 1, 0, 1, 1, 0)


def test_the_auroc_is_the_share_of_correctly_ordered_pairs() -> None:
    result = discrimination.target_auroc(predictions((0.9, 0.8, 0.3, 0.4, 0.1), (1, 1, 1, 0, 0)))
    assert result.value == pytest.approx(5 / 6)  # only 0.3 and 0.4 are in the wrong order
    assert result.metrics["accuracy"] == pytest.approx(4 / 5)
    assert result.metrics["covid-19 sensitivity"] == pytest.approx(2 / 3)
    assert result.metrics["covid-19 ppv"] == 1
    assert result.metrics["covid-19 npv"] == pytest.approx(2 / 3)
    assert result.metrics["macro_f1"] == pytest.approx(0.8)  # 0.8 for each class


def test_discrimination_cannot_be_checked_with_one_class() -> None:
    for label in (0, 1):
        table = predictions((0.2, 0.7), (label, label))
        checks = (
            discrimination.target_auroc,
            discrimination.operating_point,
            discrimination.predictive_values,
            reliability.calibration_slope,
        )
        assert {check(table).status for check in checks} == {"NOT_POSSIBLE"}


@pytest.mark.parametrize(
    ("true_positives", "positives", "true_negatives", "status"),
    [(95, 100, 50, "PASS"), (95, 100, 49, "WARN"), (24, 25, 90, "WARN"), (49, 49, 50, "PASS")],
)
def test_the_operating_point_passes_by_the_lower_limit_of_the_sensitivity(
    true_positives: int, positives: int, true_negatives: int, status: str
) -> None:
    with_target = [0.9] * true_positives + [0.1] * (positives - true_positives)
    without_target = [0.1] * true_negatives + [0.9] * (100 - true_negatives)
    result = discrimination.operating_point(
        predictions(with_target + without_target, [1] * positives + [0] * 100)
    )
    assert result.status == status
    if positives == 100:  # Wilson's interval of 95 in 100
        assert result.ci == pytest.approx((0.8882, 0.9785), abs=5e-5)


def test_a_score_equal_to_the_operating_point_is_flagged() -> None:
    result = discrimination.operating_point(
        predictions((0.3, 0.2, 0.29, 0.1), (1, 1, 0, 0), operating_point=0.3)
    )
    assert result.value == 0.5
    assert result.metrics["specificity"] == 1


@pytest.mark.parametrize(("prevalence", "share"), [(0.048, 0.31), (0.10, 0.50), (0.30, 0.79)])
def test_the_positive_predictive_value_is_low_at_low_prevalence(prevalence: float, share: float) -> None:
    # Sensitivity 71 and specificity 92 % are published for DeepCOVID-XR; the values follow by Bayes.
    assert discrimination.predictive_value(0.71, 0.92, prevalence) == pytest.approx(share, abs=0.005)


def test_calibration_metrics_equal_the_values_by_hand() -> None:
    result = reliability.calibration_error(predictions(PREDICTED, OBSERVED))
    assert result.metrics["bins"] == 10
    assert result.metrics["target_error"] == pytest.approx(0.32)
    assert result.metrics["brier"] == pytest.approx(2 * 0.1525)  # sum over both classes
    assert result.metrics["log_loss"] == pytest.approx(0.45602, abs=5e-6)


def test_the_calibration_of_each_large_source_is_stated_with_the_one_that_is_furthest_off() -> None:
    # Half of each source has COVID-19, in turn: every bin of two holds one, so error and excess are by hand.
    sources = ["near"] * 20 + ["far"] * 20 + ["few"] * 18
    result = reliability.calibration_error(
        predictions([0.4] * 20 + [0.8] * 20 + [0.99] * 18, [1, 0] * 29, sources=sources)
    )
    assert result.metrics["target_error near"] == pytest.approx(0.1)
    assert result.metrics["target_error far"] == pytest.approx(0.3)
    assert "target_error few" not in result.metrics
    assert "far is furthest off" in result.summary
    assert "is +0.30" in result.summary


@pytest.mark.slow
def test_a_calibrated_model_passes_and_an_overconfident_one_gets_warnings() -> None:
    random = np.random.default_rng(3)
    odds = random.normal(0, 1.2, 3000)
    true = 1 / (1 + np.exp(-odds))
    labels = (random.random(3000) < true).astype(int).tolist()
    exaggerated = 1 / (1 + np.exp(-3 * odds))
    calibrated, overconfident = predictions(true.tolist(), labels), predictions(exaggerated.tolist(), labels)
    checks = (reliability.calibration_error, reliability.calibration_slope)
    assert [check(calibrated).status for check in checks] == ["PASS", "PASS"]
    assert [check(overconfident).status for check in checks] == ["WARN", "WARN"]
    assert reliability.calibration_slope(calibrated).value == pytest.approx(1, abs=0.12)
    assert reliability.calibration_slope(overconfident).value == pytest.approx(1 / 3, abs=0.04)


def test_a_small_sample_has_a_calibration_error_even_for_a_perfect_model() -> None:
    # Confidence 0.5, correct half of the time: in one bin of 4 radiographs the mean of |k/4 - 1/2| is 3/16.
    errors = reliability.null_errors(np.full(4, 0.5), bins=1)
    assert errors.mean() == pytest.approx(3 / 16, abs=0.01)


def test_the_error_rate_falls_with_coverage() -> None:
    curve = abstention.risk_curve(np.array([0.7, 0.9, 0.6, 0.8]), np.array([True, True, True, False]))
    assert curve == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert abstention.error_at(curve, 0.5) == 1 / 2
    result = abstention.risk_by_coverage(predictions((0.9, 0.2, 0.6, 0.7), (1, 1, 1, 1)))
    assert result.value == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_prediction_sets_have_their_coverage_without_a_population_shift_only() -> None:
    random = np.random.default_rng(5)

    def sample(shift: float) -> tuple[list[float], list[int]]:
        labels = random.integers(0, 2, 400)
        odds = random.normal(1.5 * (2 * labels - 1) - shift, 1)
        return (1 / (1 + np.exp(-odds))).tolist(), labels.tolist()

    calibration, same, shifted = predictions(*sample(0)), predictions(*sample(0)), predictions(*sample(1.5))
    assert abstention.conformal_coverage(same, calibration=calibration).status == "PASS"
    assert abstention.conformal_coverage(shifted, calibration=calibration).status == "WARN"
    assert abstention.conformal_coverage(same).status == "NOT_POSSIBLE"


def test_the_coverage_band_equals_the_binomial_quantiles() -> None:
    # Of 20 radiographs at 90 %, R's qbinom gives 15 (2.5 %) and 20 (97.5 %).
    assert abstention.coverage_band(20) == pytest.approx((0.75, 1.0))


def _two_views(detected_in_ap: int) -> tuple[list[float], list[int], list[str]]:
    """Return 40 radiographs of each view, 20 with the target: all detected in PA, the given number in AP."""
    pa = [0.9] * 20 + [0.1] * 20
    ap = [0.9] * detected_in_ap + [0.1] * (20 - detected_in_ap) + [0.1] * 20
    return pa + ap, ([1] * 20 + [0] * 20) * 2, ["PA"] * 40 + ["AP"] * 40


@pytest.mark.parametrize(("detected_in_ap", "status"), [(20, "PASS"), (17, "WARN"), (10, "FAIL")])
def test_a_group_with_lower_sensitivity_is_named(detected_in_ap: int, status: str) -> None:
    probabilities, truth, views = _two_views(detected_in_ap)
    result = subgroup_sensitivity(predictions(probabilities, truth, views=views))
    assert result.status == status
    assert result.value == pytest.approx(1 - detected_in_ap / 20)
    if status == "FAIL":
        assert "view" in result.summary
        assert result.metrics["view AP sensitivity"] == 0.5


def test_small_groups_are_not_compared() -> None:
    table = predictions([0.9] * 30 + [0.1] * 30, [1] * 30 + [0] * 30, views=["PA"] * 45 + ["AP"] * 15)
    assert subgroup_sensitivity(table).status == "NOT_POSSIBLE"


@pytest.mark.parametrize(
    ("age", "band"), [("39.9", "under 40"), ("40", "40 to 64"), ("65", "65 and over"), ("", ""), ("?", "")]
)
def test_ages_are_grouped_into_three_bands(age: str, band: str) -> None:
    assert age_band(age) == band
