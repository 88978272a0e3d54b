"""Signs that a picture is no plain chest film; they refuse nothing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.decode import read_film_in_child
from ml.gate import film_signs
from ml.imaging import read_film
from ml.records import Grey
from tests.films import film_grey
from tests.ml.wrappings import dicom, rgb, saved


def film(size: tuple[int, int] = (300, 280)) -> Grey:
    return film_grey(1, size).astype(np.float32)


def test_a_sound_film_has_no_sign() -> None:
    assert film_signs(film()) == ()


@pytest.mark.parametrize(
    ("grey", "sign"),
    [
        (film((300, 255)), "small"),
        (film((600, 299)), "long"),
        (film((299, 600)), "long"),
        (film() * np.float32(0.04), "flat"),
        (1 - film(), "inverted"),
    ],
)
def test_each_oddity_has_its_sign(grey: Grey, sign: str) -> None:
    assert film_signs(grey) == (sign,)


def test_the_edges_of_the_rules_still_pass() -> None:
    assert film_signs(film((512, 256)), colour=12.0) == ()
    assert film_signs(film(), colour=12.1) == ("coloured",)


def coloured(mode: str) -> bytes:
    grey = (film() * 200).round().astype(np.uint8)
    tinted = rgb(grey)
    pixels = np.asarray(tinted).copy()
    pixels[..., 0] += 30  # red over blue by 30 everywhere
    image = Image.fromarray(pixels)
    return saved(image if mode == "RGB" else image.convert(mode), "PNG")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colour_is_measured_before_it_is_lost(mode: str) -> None:
    assert read_film(coloured(mode)).colour == pytest.approx(30, abs=0.1)
    assert read_film_in_child(coloured(mode)).colour == pytest.approx(30, abs=0.1)


def test_grey_in_colour_channels_is_grey() -> None:
    grey = (film() * 255).round().astype(np.uint8)
    for content in (saved(rgb(grey), "PNG"), saved(Image.fromarray(grey), "PNG"), dicom(grey)):
        assert read_film(content).colour == 0


def test_a_painted_picture_is_coloured() -> None:
    sky = np.zeros((300, 300, 3), np.uint8)
    sky[..., 2] = np.linspace(80, 255, 300)[:, None]
    content = io.BytesIO()
    Image.fromarray(sky).save(content, "JPEG")
    found = read_film(content.getvalue())
    assert "coloured" in film_signs(found.grey, colour=found.colour)


@pytest.mark.realdata
def test_of_real_films_few_look_inverted_and_of_inverted_ones_most(realdata: Path) -> None:
    folder = realdata / "COVID-19_Radiography_Dataset" / "Normal" / "images"
    films = [read_film(path.read_bytes()).grey for path in sorted(folder.iterdir())[::40]]
    assert len(films) >= 60
    assert np.mean(["inverted" in film_signs(grey) for grey in films]) <= 0.02
    assert np.mean(["inverted" in film_signs(1 - grey) for grey in films]) >= 0.9
