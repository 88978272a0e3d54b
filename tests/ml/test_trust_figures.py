"""Checks C, D, E and H against figures worked out by hand or published."""

from __future__ import annotations

import numpy as np
import pytest

from ml.trust import abstention, discrimination, reliability
from ml.trust.subgroups import age_band, subgroups
from tests.ml.trust_answers import answers

# The guide's golden figures for calibration: ten radiographs, one in each bin.
STATED = (0.05, 0.15, 0.25, 0.95, 0.85, 0.75, 0.55, 0.45, 0.65, 0.35)
SHOWN = (0, 0, 1, 1, 1, 1, 0, 1, 1, 0)


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    found = discrimination.told_apart(answers((0.9, 0.8, 0.3, 0.4, 0.1), (1, 1, 1, 0, 0)))
    assert found.value == pytest.approx(5 / 6)  # only 0.3 against 0.4 is the wrong way round
    assert found.figures["accuracy"] == pytest.approx(4 / 5)
    assert found.figures["covid-19 sensitivity"] == pytest.approx(2 / 3)
    assert found.figures["covid-19 ppv"] == 1
    assert found.figures["covid-19 npv"] == pytest.approx(2 / 3)
    assert found.figures["macro_f1"] == pytest.approx(0.8)  # 2/3 and 1 of both classes


def test_one_side_alone_cannot_be_told_apart() -> None:
    for shown in (0, 1):
        table = answers((0.2, 0.7), (shown, shown))
        found = [*discrimination.checks(table), reliability.recalibration(table)]
        assert {check.status for check in found} == {"NOT_POSSIBLE"}


@pytest.mark.parametrize(
    ("hits", "of", "quiet", "status"),
    [(95, 100, 50, "PASS"), (95, 100, 49, "WARN"), (24, 25, 90, "WARN"), (49, 49, 50, "PASS")],
)
def test_the_operating_point_passes_by_the_lower_limit(hits: int, of: int, quiet: int, status: str) -> None:
    chances = [0.9] * hits + [0.1] * (of - hits) + [0.1] * quiet + [0.9] * (100 - quiet)
    found = discrimination.operating_point(answers(chances, [1] * of + [0] * 100))
    assert found.status == status
    if of == 100:  # the guide's Wilson interval of 95 in 100
        assert found.ci == pytest.approx((0.8882, 0.9785), abs=5e-5)


def test_the_flag_is_raised_from_the_frozen_point_on() -> None:
    found = discrimination.operating_point(answers((0.3, 0.2, 0.29, 0.1), (1, 1, 0, 0), point=0.3))
    assert found.value == 0.5
    assert found.figures["specificity"] == 1


@pytest.mark.parametrize(("prevalence", "share"), [(0.048, 0.31), (0.10, 0.50), (0.30, 0.79)])
def test_few_flags_are_right_where_the_finding_is_rare(prevalence: float, share: float) -> None:
    # Sensitivity 71 and specificity 92 %, as DeepCOVID-XR's; the shares are the guide's.
    assert discrimination.predictive_value(0.71, 0.92, prevalence) == pytest.approx(share, abs=0.005)


def test_calibration_figures_are_the_published_ones() -> None:
    found = reliability.calibration_error(answers(STATED, SHOWN))
    assert found.figures["bins"] == 10
    assert found.figures["target_error"] == pytest.approx(0.32)
    assert found.figures["brier"] == pytest.approx(2 * 0.1525)  # both classes count
    assert found.figures["log_loss"] == pytest.approx(0.45602, abs=5e-6)


def test_a_sound_model_passes_and_a_boastful_one_does_not() -> None:
    random = np.random.default_rng(3)
    odds = random.normal(0, 1.2, 3000)
    true = 1 / (1 + np.exp(-odds))
    shown = (random.random(3000) < true).astype(int).tolist()
    boastful = 1 / (1 + np.exp(-3 * odds))
    sound, loud = answers(true.tolist(), shown), answers(boastful.tolist(), shown)
    assert [check.status for check in reliability.checks(sound)] == ["PASS", "PASS"]
    assert [check.status for check in reliability.checks(loud)] == ["WARN", "WARN"]
    assert reliability.recalibration(sound).value == pytest.approx(1, abs=0.12)
    assert reliability.recalibration(loud).value == pytest.approx(1 / 3, abs=0.04)


def test_few_radiographs_alone_make_an_error_that_no_model_can_avoid() -> None:
    # Always sure by half, right half of the time: in one bin of 4 radiographs the mean of |k/4 - 1/2| is 3/16.
    errors = reliability.null_errors(np.full(4, 0.5), bins=1)
    assert errors.mean() == pytest.approx(3 / 16, abs=0.01)


def test_risk_falls_with_coverage() -> None:
    curve = abstention.risk_curve(np.array([0.7, 0.9, 0.6, 0.8]), np.array([True, True, True, False]))
    assert curve == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert abstention.at_coverage(curve, 0.5) == 1 / 2
    found = abstention.risk_by_coverage(answers((0.9, 0.2, 0.6, 0.7), (1, 1, 1, 1)))
    assert found.value == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_sets_hold_where_radiographs_are_alike_and_not_where_they_changed() -> None:
    random = np.random.default_rng(5)

    def drawn(shift: float) -> tuple[list[float], list[int]]:
        shown = random.integers(0, 2, 400)
        odds = random.normal(1.5 * (2 * shown - 1) - shift, 1)
        return (1 / (1 + np.exp(-odds))).tolist(), shown.tolist()

    aside, alike, other = answers(*drawn(0)), answers(*drawn(0)), answers(*drawn(1.5))
    assert abstention.conformal_coverage(alike, calibration=aside).status == "PASS"
    assert abstention.conformal_coverage(other, calibration=aside).status == "WARN"
    assert abstention.conformal_coverage(alike).status == "NOT_POSSIBLE"


def test_the_band_is_the_binomial_one() -> None:
    # Of 20 radiographs at 90 %, R's qbinom gives 15 (2.5 %) and 20 (97.5 %).
    assert abstention.coverage_band(20) == pytest.approx((0.75, 1.0))


def _two_views(found_in_ap: int) -> tuple[list[float], list[int], list[str]]:
    """Make 40 radiographs of each view, 20 with the target: all found in PA, so many in AP."""
    chances = [0.9] * 20 + [0.1] * 20 + [0.9] * found_in_ap + [0.1] * (20 - found_in_ap) + [0.1] * 20
    return chances, ([1] * 20 + [0] * 20) * 2, ["PA"] * 40 + ["AP"] * 40


@pytest.mark.parametrize(("found_in_ap", "status"), [(20, "PASS"), (17, "WARN"), (10, "FAIL")])
def test_a_group_that_is_served_worse_is_named(found_in_ap: int, status: str) -> None:
    chances, shown, views = _two_views(found_in_ap)
    found = subgroups(answers(chances, shown, groups=views))
    assert found.status == status
    assert found.value == pytest.approx(1 - found_in_ap / 20)
    if status == "FAIL":
        assert "view" in found.words
        assert found.figures["view AP sensitivity"] == 0.5


def test_small_groups_are_not_compared() -> None:
    found = subgroups(answers([0.9] * 30 + [0.1] * 30, [1] * 30 + [0] * 30, groups=["PA"] * 45 + ["AP"] * 15))
    assert found.status == "NOT_POSSIBLE"


@pytest.mark.parametrize(
    ("age", "band"), [("39.9", "under 40"), ("40", "40 to 64"), ("65", "65 and over"), ("", ""), ("?", "")]
)
def test_ages_fall_into_three_bands(age: str, band: str) -> None:
    assert age_band(age) == band
