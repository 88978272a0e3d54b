"""Signs that a picture is no plain chest radiograph; they refuse nothing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.images.decode import read_radiograph_in_child
from ml.images.quality import quality_flags
from ml.images.reading import read_radiograph
from ml.records import Grey
from tests.ml.wrappings import dicom, rgb, saved
from tests.radiographs import radiograph_grey


def radiograph(size: tuple[int, int] = (300, 280)) -> Grey:
    return radiograph_grey(1, size).astype(np.float32)


def test_a_sound_radiograph_has_no_sign() -> None:
    assert quality_flags(radiograph()) == ()


@pytest.mark.parametrize(
    ("grey", "sign"),
    [
        (radiograph((300, 255)), "small"),
        (radiograph((600, 299)), "long"),
        (radiograph((299, 600)), "long"),
        (radiograph() * np.float32(0.04), "flat"),
        (1 - radiograph(), "inverted"),
    ],
)
def test_each_oddity_has_its_sign(grey: Grey, sign: str) -> None:
    assert quality_flags(grey) == (sign,)


def test_the_edges_of_the_rules_still_pass() -> None:
    assert quality_flags(radiograph((512, 256)), colour=12.0) == ()
    assert quality_flags(radiograph(), colour=12.1) == ("coloured",)


def coloured(mode: str) -> bytes:
    grey = (radiograph() * 200).round().astype(np.uint8)
    tinted = rgb(grey)
    pixels = np.asarray(tinted).copy()
    pixels[..., 0] += 30  # red over blue by 30 everywhere
    image = Image.fromarray(pixels)
    return saved(image if mode == "RGB" else image.convert(mode), "PNG")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colour_is_measured_before_it_is_lost(mode: str) -> None:
    assert read_radiograph(coloured(mode)).colour == pytest.approx(30, abs=0.1)
    assert read_radiograph_in_child(coloured(mode)).colour == pytest.approx(30, abs=0.1)


def test_grey_in_colour_channels_is_grey() -> None:
    grey = (radiograph() * 255).round().astype(np.uint8)
    for content in (saved(rgb(grey), "PNG"), saved(Image.fromarray(grey), "PNG"), dicom(grey)):
        assert read_radiograph(content).colour == 0


def test_a_painted_picture_is_coloured() -> None:
    sky = np.zeros((300, 300, 3), np.uint8)
    sky[..., 2] = np.linspace(80, 255, 300)[:, None]
    content = io.BytesIO()
    Image.fromarray(sky).save(content, "JPEG")
    found = read_radiograph(content.getvalue())
    assert "coloured" in quality_flags(found.grey, colour=found.colour)


@pytest.mark.realdata
def test_of_real_radiographs_few_look_inverted_and_of_inverted_ones_most(realdata: Path) -> None:
    folder = realdata / "COVID-19_Radiography_Dataset" / "Normal" / "images"
    radiographs = [read_radiograph(path.read_bytes()).grey for path in sorted(folder.iterdir())[::40]]
    assert len(radiographs) >= 60
    assert np.mean(["inverted" in quality_flags(grey) for grey in radiographs]) <= 0.02
    assert np.mean(["inverted" in quality_flags(1 - grey) for grey in radiographs]) >= 0.9
