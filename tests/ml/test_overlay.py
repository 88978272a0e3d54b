"""Heatmaps on the radiograph: position, colours and opacity."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.images.preprocessing import prepare
from ml.inference.overlay import colours, heatmap_layer_png, heatmap_on_radiograph, overlay_png
from ml.records import ClassMap, Frame, Preprocessing
from tests.radiographs import radiograph_grey


def spike(row: int, column: int, *, height: float = 1.0, cells: int = 14) -> ClassMap:
    grid = np.zeros((cells, cells), np.float32)
    grid[row, column] = height
    return ClassMap(grid, height, no_positive_evidence=False)


def rgba(png: bytes) -> NDArray[np.uint8]:
    pixels: Any = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    return pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


def test_a_spike_is_drawn_at_the_centre_of_its_cell() -> None:
    values = heatmap_on_radiograph(spike(3, 9), Frame(224, 224, 0, 0, 224, 224), (224, 224))
    rows, columns = np.mgrid[:224, :224]
    assert (rows * values).sum() / values.sum() == pytest.approx(55.5, abs=0.01)
    assert (columns * values).sum() / values.sum() == pytest.approx(151.5, abs=0.01)
    assert values[55, 151] == values.max()
    assert values.max() == pytest.approx(0.9385, abs=1e-4)


def test_the_heatmap_is_resized_like_opencvs_bilinear_resize() -> None:
    grid = np.random.default_rng(0).random((14, 14), np.float32)
    actual = heatmap_on_radiograph(ClassMap(grid, 1.0, False), Frame(300, 300, 0, 0, 300, 300), (300, 300))
    np.testing.assert_allclose(actual, cv2.resize(grid, (300, 300)), atol=1e-4)


def test_the_padding_of_a_letterbox_is_removed() -> None:
    frame = Frame(1600, 1200, 0, -200, 1600, 1600)  # a radiograph of 1600 x 1200, 200 of padding on each side
    inside = heatmap_on_radiograph(spike(7, 7), frame, (1600, 1200))
    assert np.unravel_index(inside.argmax(), inside.shape) == pytest.approx((857, 657), abs=1)
    padding = heatmap_on_radiograph(spike(7, 0), frame, (1600, 1200))
    assert padding.max() < 0.3  # only the interpolation towards the next cell is inside the radiograph
    assert padding[:, 60:].max() == 0


def test_the_heatmap_is_zero_outside_a_square_crop() -> None:
    grey = radiograph_grey(0, (300, 200)).astype(np.float32)
    _, frame = prepare(grey, Preprocessing(size=64))
    values = heatmap_on_radiograph(ClassMap(np.ones((14, 14), np.float32), 1.0, False), frame, (300, 200))
    np.testing.assert_allclose(values[50:250], 1, atol=1e-6)
    assert not values[:50].any()
    assert not values[250:].any()


def test_the_heatmap_of_a_bright_dot_is_centred_on_the_dot_in_every_geometry() -> None:
    grey = np.zeros((320, 200), np.float32)
    grey[150:170, 120:140] = 1
    for geometry in ("square-crop", "letterbox", "stretch"):
        square, frame = prepare(grey, Preprocessing(size=56, scale="unit", geometry=geometry))
        grid = cv2.resize(square[..., 0], (14, 14), interpolation=cv2.INTER_AREA)
        values = heatmap_on_radiograph(ClassMap(grid, float(grid.max()), False), frame, (320, 200))
        rows, columns = np.mgrid[:320, :200]
        assert (rows * values).sum() / values.sum() == pytest.approx(159.5, abs=3)
        assert (columns * values).sum() / values.sum() == pytest.approx(129.5, abs=3)


def test_colours_are_in_the_order_red_green_blue() -> None:
    ends = np.array([[0.0, 1.0]], np.float32)
    np.testing.assert_array_equal(colours(ends, cv2.COLORMAP_JET)[0], [[0, 0, 128], [128, 0, 0]])
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    hot = colours(ramp)[0][ramp[0] > 0.9]
    assert (hot[:, 0] > hot[:, 2]).all()


def test_the_palette_equals_matplotlibs_inferno() -> None:
    import matplotlib

    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    expected = matplotlib.colormaps["inferno"](np.arange(256))[:, :3] * 255
    np.testing.assert_allclose(colours(ramp)[0], expected, atol=1.5)


def test_a_weak_map_is_more_transparent_in_the_same_colours() -> None:
    frame = Frame(224, 224, 0, 0, 224, 224)
    strong = rgba(heatmap_layer_png(spike(7, 7, height=2.0), frame, reference=1.0))
    weak = rgba(heatmap_layer_png(spike(7, 7, height=0.2), frame, reference=1.0))
    assert strong[..., 3].max() == 255
    assert weak[..., 3].max() <= 0.2 * 255 + 1
    np.testing.assert_array_equal(
        strong[120, 120, :3], weak[120, 120, :3]
    )  # colours depend on the shape alone


def test_a_contour_is_drawn_at_half_of_the_maximum() -> None:
    layer = rgba(heatmap_layer_png(spike(7, 7), Frame(224, 224, 0, 0, 224, 224), reference=1.0)).astype(int)
    row = layer[119]
    white = np.flatnonzero((row[:, :3] == 255).all(axis=1))
    values = heatmap_on_radiograph(spike(7, 7), Frame(224, 224, 0, 0, 224, 224), (224, 224))[119]
    assert values[white] == pytest.approx([0.5, 0.5], abs=0.07)


def test_a_map_without_evidence_is_transparent() -> None:
    empty = ClassMap(np.zeros((14, 14), np.float32), 0.0, no_positive_evidence=True)
    frame = Frame(300, 200, 50, 0, 200, 200)
    assert not rgba(heatmap_layer_png(empty, frame, reference=1.0)).any()
    grey = radiograph_grey(0, (300, 200)).astype(np.float32)
    radiograph = rgba(overlay_png(grey, empty, frame, reference=1.0))
    np.testing.assert_allclose(radiograph[..., 0], grey * 255, atol=0.51)


def test_layer_and_overlay_have_the_aspect_ratio_of_the_radiograph() -> None:
    frame = Frame(3000, 2000, 500, 0, 2000, 2000)
    grey = np.zeros((3000, 2000), np.float32)
    assert rgba(heatmap_layer_png(spike(1, 1), frame, reference=1.0, longest=600)).shape == (600, 400, 4)
    assert rgba(overlay_png(grey, spike(1, 1), frame, reference=1.0, longest=600)).shape == (600, 400, 3)


def test_the_overlay_is_coloured_at_the_heatmap_and_grey_elsewhere() -> None:
    grey = np.full((224, 224), 0.5, np.float32)
    overlay = rgba(overlay_png(grey, spike(3, 9), Frame(224, 224, 0, 0, 224, 224), reference=1.0)).astype(int)
    assert overlay[55, 151, 0] - overlay[55, 151, 2] > 20
    np.testing.assert_array_equal(overlay[200, 20], [128, 128, 128])
