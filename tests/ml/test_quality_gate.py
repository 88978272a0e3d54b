"""What the quality gate stops, by its rules and by the shipped detector."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_sample_image

from benchmarks.marked_chests import drawing_png
from benchmarks.quality_pictures import half_of
from ml.images import quality_detector
from ml.images.quality import quality_flags
from ml.images.quality_gate import stop_code
from ml.records import Grey
from tests.radiographs import individual_radiograph_png, radiograph_grey

SIDE = 320
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def drawn_chest(seed: int = 0, size: tuple[int, int] = (256, 256)) -> Grey:
    return radiograph_grey(seed, size).astype(np.float32)


def grey_of(encoded: NDArray[np.uint8] | bytes) -> Grey:
    stored = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert stored is not None
    return stored.astype(np.float32) / 255


def gradient(angle: float) -> Grey:
    y, x = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    ramp = np.cos(angle) * x + np.sin(angle) * y
    return ((ramp - ramp.min()) / np.ptp(ramp)).astype(np.float32)


@pytest.mark.parametrize("seed", [*range(12), 71_001])
def test_a_drawn_chest_of_the_tests_is_scored(seed: int):
    assert stop_code(drawn_chest(seed)) is None
    assert stop_code(drawn_chest(seed, (300, 240))) is None
    assert stop_code(grey_of(individual_radiograph_png(seed))) is None


@pytest.mark.parametrize("number", range(1, 13))
def test_a_marked_drawing_is_scored(number: int):
    assert stop_code(grey_of(drawing_png(number))) is None


@pytest.mark.parametrize("angle", [0.0, 0.8, 1.57, 2.5, 4.0])
def test_a_grey_gradient_is_stopped(angle: float):
    assert stop_code(gradient(angle)) == "not-a-radiograph"


@pytest.mark.parametrize("seed", range(3))
def test_white_noise_is_stopped(seed: int):
    noise = np.random.default_rng(seed).random((SIDE, SIDE), np.float32)

    assert stop_code(noise) == "not-a-radiograph"


@pytest.mark.parametrize("name", ["reading.png", "worklist.png", "models.png", "imports.png"])
def test_a_screenshot_is_stopped(name: str):
    assert stop_code(grey_of((PICTURES / name).read_bytes())) == "not-a-radiograph"


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_a_grey_photograph_is_stopped(name: str):
    photograph = load_sample_image(name).mean(axis=2).astype(np.float32) / 255

    assert stop_code(photograph) is not None


def test_a_coloured_file_is_stopped_whatever_it_shows():
    assert stop_code(drawn_chest(), colour=40.0) == "not-a-radiograph"


def test_a_lateral_view_is_stopped_by_its_header():
    assert stop_code(drawn_chest(), view="LATERAL") == "lateral-view"
    assert stop_code(drawn_chest(), view="PA") is None


@pytest.mark.parametrize(("age", "code"), [(0, "paediatric"), (15, "paediatric"), (16, None), (None, None)])
def test_a_patient_under_16_years_is_stopped(age: int | None, code: str | None):
    assert stop_code(drawn_chest(), age=age) == code


def test_a_side_below_128_pixels_is_stopped():
    assert stop_code(drawn_chest(size=(127, 400))) == "too-small"
    assert stop_code(drawn_chest(size=(128, 128))) != "too-small"


def test_inverted_greys_are_stopped():
    assert stop_code(1 - grey_of(drawing_png(1))) is not None


def test_the_detector_is_small_and_holds_plain_arrays():
    assert quality_detector.COEFFICIENTS.stat().st_size <= 200_000
    with np.load(quality_detector.COEFFICIENTS, allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind in "fU" for name in stored.files)


def test_a_white_border_of_saturation_is_flagged_as_clipped():
    assert "clipped" in quality_flags(np.clip(drawn_chest() * 2, 0, 1).astype(np.float32))
    assert "clipped" not in quality_flags(drawn_chest())


def test_a_black_surround_is_flagged_as_collimated():
    collimated = np.zeros((400, 400), np.float32)
    collimated[80:320, 80:320] = drawn_chest(size=(240, 240))

    assert "collimated" in quality_flags(collimated)
    assert "collimated" not in quality_flags(drawn_chest())


def test_lines_of_burned_in_text_are_flagged():
    chest = (255 * drawn_chest(size=(512, 512))).astype(np.uint8)
    for row in range(60, 460, 40):
        cv2.putText(chest, "PATIENT 0000 AP SUPINE 12:34", (20, row), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)

    assert "text" in quality_flags((chest / np.float32(255)).astype(np.float32))
    assert "text" not in quality_flags(drawn_chest(size=(512, 512)))


@pytest.mark.realdata
def test_most_lateral_views_and_ct_slices_of_patients_not_fitted_are_stopped_by_their_pixels(realdata: Path):
    codes: dict[str, list[str | None]] = {"L": [], "CT": []}
    folder = realdata / "covid-chestxray-dataset"
    with (folder / "metadata.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            kind = "CT" if row["modality"] == "CT" else row["view"]
            path = folder / "images" / row["filename"]
            if kind in codes and path.is_file() and half_of(f"cohen {row['patientid']}") == 1:
                codes[kind].append(stop_code(grey_of(path.read_bytes())))

    for each in codes.values():
        assert len(each) > 20
        assert sum(code is not None for code in each) >= 0.95 * len(each)
