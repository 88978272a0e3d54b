"""Measures of the input: their values on images for which they can be calculated by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ml.images.input_measures import input_measures
from tests.radiographs import radiograph_grey


def test_a_uniform_image_has_its_grey_and_nothing_else() -> None:
    measures = input_measures(np.full((256, 256), 0.25, np.float32))

    assert measures == {"grey_mean": 0.25, "contrast": 0.0, "sharpness": 0.0, "corner_excess": 0.0}


def test_halves_of_black_and_white_have_the_mean_and_the_standard_deviation_of_a_coin() -> None:
    halves = np.zeros((256, 256), np.float32)
    halves[128:] = 1

    measures = input_measures(halves)

    assert (measures["grey_mean"], measures["contrast"]) == (0.5, 0.5)
    assert measures["corner_excess"] == pytest.approx(
        0, abs=1 / 256
    )  # the rows of the spine are whole pixels


def test_inversion_mirrors_the_greys_and_keeps_contrast_and_sharpness() -> None:
    grey = radiograph_grey(3).astype(np.float32)

    plain, inverted = input_measures(grey), input_measures(1 - grey)

    assert inverted["grey_mean"] == pytest.approx(1 - plain["grey_mean"], abs=2e-4)
    assert inverted["corner_excess"] == pytest.approx(-plain["corner_excess"], abs=2e-4)
    assert inverted["contrast"] == pytest.approx(plain["contrast"], abs=2e-4)
    assert inverted["sharpness"] == pytest.approx(plain["sharpness"], abs=2e-4)


def test_checked_pixels_are_sharper_than_their_blurred_copy() -> None:
    grey = radiograph_grey(3).astype(np.float32)
    checked = np.clip(grey + 0.1 * (-1.0) ** np.add.outer(np.arange(256), np.arange(256)), 0, 1)

    assert input_measures(checked.astype(np.float32))["sharpness"] > 2 * input_measures(grey)["sharpness"]


def test_an_enlarged_image_has_the_same_measures() -> None:
    grey = radiograph_grey(3).astype(np.float32)
    enlarged = np.repeat(np.repeat(grey, 12, axis=0), 12, axis=1)  # 3,072 pixels a side

    assert input_measures(enlarged) == pytest.approx(input_measures(grey), abs=0.01)
