"""Quality flags: signs that an image is not a plain chest radiograph."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.images.decode_in_child import decode_radiograph_in_child
from ml.images.decoding import decode_radiograph
from ml.images.quality import quality_flags
from ml.records import Grey
from tests.ml.encodings import dicom, rgb, saved
from tests.radiographs import radiograph_grey


def radiograph(size: tuple[int, int] = (300, 280)) -> Grey:
    return radiograph_grey(1, size).astype(np.float32)


def test_a_typical_radiograph_has_no_flag() -> None:
    assert quality_flags(radiograph()) == ()


@pytest.mark.parametrize(
    ("grey", "flag"),
    [
        (radiograph((300, 255)), "small"),
        (radiograph((600, 299)), "long"),
        (radiograph((299, 600)), "long"),
        (radiograph() * np.float32(0.04), "flat"),
        (1 - radiograph(), "inverted"),
    ],
)
def test_each_condition_sets_its_flag(grey: Grey, flag: str) -> None:
    assert quality_flags(grey) == (flag,)


def test_values_on_the_limits_set_no_flag() -> None:
    assert quality_flags(radiograph((512, 256)), colour=12.0) == ()
    assert quality_flags(radiograph(), colour=12.1) == ("coloured",)


def coloured_png(mode: str) -> bytes:
    grey = (radiograph() * 200).round().astype(np.uint8)
    tinted = rgb(grey)
    pixels = np.asarray(tinted).copy()
    pixels[..., 0] += 30  # red over blue by 30 everywhere
    image = Image.fromarray(pixels)
    return saved(image if mode == "RGB" else image.convert(mode), "PNG")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colour_is_measured_before_the_conversion_to_grey(mode: str) -> None:
    assert decode_radiograph(coloured_png(mode)).colour == pytest.approx(30, abs=0.1)
    assert decode_radiograph_in_child(coloured_png(mode)).colour == pytest.approx(30, abs=0.1)


def test_equal_colour_channels_have_no_colour() -> None:
    grey = (radiograph() * 255).round().astype(np.uint8)
    for content in (saved(rgb(grey), "PNG"), saved(Image.fromarray(grey), "PNG"), dicom(grey)):
        assert decode_radiograph(content).colour == 0


def test_a_blue_gradient_is_coloured() -> None:
    gradient = np.zeros((300, 300, 3), np.uint8)
    gradient[..., 2] = np.linspace(80, 255, 300)[:, None]
    content = io.BytesIO()
    Image.fromarray(gradient).save(content, "JPEG")
    decoded = decode_radiograph(content.getvalue())
    assert "coloured" in quality_flags(decoded.grey, colour=decoded.colour)


@pytest.mark.realdata
def test_few_real_radiographs_but_most_inverted_ones_are_flagged_as_inverted(realdata: Path) -> None:
    folder = realdata / "COVID-19_Radiography_Dataset" / "Normal" / "images"
    radiographs = [decode_radiograph(path.read_bytes()).grey for path in sorted(folder.iterdir())[::40]]
    assert len(radiographs) >= 60
    assert np.mean(["inverted" in quality_flags(grey) for grey in radiographs]) <= 0.02
    assert np.mean(["inverted" in quality_flags(1 - grey) for grey in radiographs]) >= 0.9
