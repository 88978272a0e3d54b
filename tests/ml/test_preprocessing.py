"""Conversion of a radiograph to the network input."""

from __future__ import annotations

import numpy as np
import pytest

from ml.images.preprocessing import prepare, scale_values
from ml.records import Preprocessing
from tests.radiographs import radiograph_grey


@pytest.mark.network
def test_the_caffe_scale_equals_the_preprocessing_of_keras_for_imagenet() -> None:
    import keras

    assert keras.applications.vgg16.preprocess_input(
        np.array([[[10.0, 20.0, 30.0]]])
    ).ravel() == pytest.approx([-73.939, -96.779, -113.68])
    square = np.full((4, 4), 128 / 255, np.float32)
    prepared = scale_values(square, Preprocessing(size=4, channels=3, scale="caffe"))
    assert prepared[0, 0] == pytest.approx([24.061, 11.221, 4.320], abs=1e-3)


def test_a_standardised_input_has_mean_0_and_deviation_1_for_any_exposure() -> None:
    grey = radiograph_grey(2, (300, 200)).astype(np.float32)
    prep = Preprocessing(size=64)
    bright, _ = prepare(grey, prep)
    dark, _ = prepare(grey * 0.5 + 0.1, prep)
    assert bright.shape == (64, 64, 1)
    assert bright.dtype == np.float32
    assert bright.mean() == pytest.approx(0, abs=1e-4)
    assert bright.std() == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(bright, dark, atol=1e-3)


@pytest.mark.parametrize(
    ("geometry", "position"),
    [
        ("square-crop", (60.0, 0.0, 120.0, 120.0)),
        ("letterbox", (0.0, -60.0, 240.0, 240.0)),
        ("stretch", (0.0, 0.0, 240.0, 120.0)),
    ],
)
def test_the_frame_is_the_position_of_the_input_on_the_radiograph(
    geometry: str, position: tuple[float, float, float, float]
) -> None:
    grey = radiograph_grey(2, (240, 120)).astype(np.float32)
    prepared, frame = prepare(grey, Preprocessing(size=64, scale="unit", geometry=geometry))  # type: ignore[arg-type]
    assert prepared.shape == (64, 64, 1)
    assert (frame.radiograph_height, frame.radiograph_width) == (240, 120)
    assert (frame.top, frame.left, frame.height, frame.width) == position


def test_a_letterbox_pads_with_black() -> None:
    grey = np.ones((240, 120), np.float32)
    prepared, _ = prepare(grey, Preprocessing(size=64, scale="unit", geometry="letterbox"))
    assert not prepared[:, :16].any()
    assert not prepared[:, 48:].any()
    np.testing.assert_allclose(prepared[:, 17:47], 1, atol=1e-6)
