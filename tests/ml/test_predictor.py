"""Predictor: probabilities, heatmaps and their position."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from PIL import Image

from ml.images.decoding import decode_radiograph
from ml.inference.heatmap_files import load_heatmaps, save_heatmaps
from ml.inference.predictor import Predictor
from ml.networks import bundle
from tests.ml.encodings import dicom, palette_png, rgb, rotated_jpeg, saved
from tests.radiographs import radiograph_grey
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "b", "scratch-cnn", size=128, version="v7")


@pytest.fixture(scope="module")
def predictor(directory: Path) -> Predictor:
    return Predictor(directory)


def test_probabilities_are_the_softmax_of_the_logits(predictor: Predictor) -> None:
    found = predictor.explain(radiograph_grey(1).astype(np.float32))
    expected = scipy.special.softmax(list(found.logits.values()))
    assert list(found.probabilities) == ["covid-19", "pneumonia", "normal"]
    np.testing.assert_allclose(list(found.probabilities.values()), expected, rtol=1e-5)
    assert found.finding == max(found.probabilities, key=lambda name: found.probabilities[name])


def test_an_explanation_has_version_layer_method_and_frame(predictor: Predictor) -> None:
    found = predictor.explain(radiograph_grey(1, (300, 200)).astype(np.float32))
    assert (found.version, found.layer, found.method) == ("v7", "block5_conv2_relu", "grad-cam")
    assert found.preprocessing_id == predictor.manifest.preprocessing.id == "square-crop-128x1-zscore"
    assert (found.frame.radiograph_height, found.frame.radiograph_width, found.frame.top) == (300, 200, 50)
    assert set(found.maps) == set(found.probabilities)
    assert {m.grid.shape for m in found.maps.values()} == {(8, 8)}
    assert set(found.seconds) == {"prepare", "network"}


def test_the_temperature_lowers_the_highest_probability_and_keeps_the_finding(
    directory: Path, tmp_path: Path
) -> None:
    model, manifest = bundle.load_network(directory)
    grey = radiograph_grey(1).astype(np.float32)
    sharp = Predictor(directory).explain(grey)
    from dataclasses import replace

    bundle.write(tmp_path / "soft", model, replace(manifest, temperature=4.0))
    soft = Predictor(tmp_path / "soft").explain(grey)
    assert soft.finding == sharp.finding
    assert max(soft.probabilities.values()) < max(sharp.probabilities.values())
    expected = scipy.special.softmax(np.array(list(sharp.logits.values())) / 4)
    np.testing.assert_allclose(list(soft.probabilities.values()), expected, rtol=1e-4)


def test_a_recomputed_heatmap_equals_the_stored_one(
    predictor: Predictor, directory: Path, tmp_path: Path
) -> None:
    grey = radiograph_grey(2).astype(np.float32)
    first = predictor.explain(grey)
    save_heatmaps(tmp_path / "maps.npz", first.maps, first.frame)
    stored, frame = load_heatmaps(tmp_path / "maps.npz")
    again = Predictor(directory).explain(grey)
    assert frame == again.frame
    for name, m in again.maps.items():
        np.testing.assert_allclose(stored[name].grid, m.grid, atol=1e-3 * max(m.raw_max, 1e-9))


def test_fifteen_encodings_of_a_radiograph_get_the_same_prediction(predictor: Predictor) -> None:
    grey = (radiograph_grey(3, (256, 200)) * 255).round().astype(np.uint8)
    image = Image.fromarray(grey)
    encodings = {
        "grey PNG": saved(image, "PNG"),
        "RGB PNG": saved(rgb(grey), "PNG"),
        "grey and alpha PNG": saved(image.convert("LA"), "PNG"),
        "RGBA PNG": saved(rgb(grey).convert("RGBA"), "PNG"),
        "palette PNG": palette_png(grey),
        "16-bit PNG": saved(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"),
        "grey JPEG": saved(image, "JPEG", quality=98),
        "RGB JPEG": saved(rgb(grey), "JPEG", quality=98),
        "progressive JPEG": saved(image, "JPEG", quality=98, progressive=True),
        "CMYK JPEG": saved(rgb(grey).convert("CMYK"), "JPEG", quality=98),
        "rotated JPEG": rotated_jpeg(grey),
        "8-bit DICOM": dicom(grey),
        "MONOCHROME1": dicom(255 - grey, PhotometricInterpretation="MONOCHROME1"),
        "12-bit DICOM": dicom(grey.astype(np.uint16) * 16, bits=12, WindowCenter=2040.5, WindowWidth=4081),
        "rescaled DICOM": dicom(
            grey.astype(np.uint16) * 4,
            bits=10,
            RescaleSlope=2,
            RescaleIntercept=-1000,
            WindowCenter=20.5,
            WindowWidth=2041,
        ),
    }
    predictions = {
        name: predictor.explain(decode_radiograph(content).grey) for name, content in encodings.items()
    }
    reference = predictions["grey PNG"]
    for name, prediction in predictions.items():
        assert prediction.finding == reference.finding, name
        for label, probability in prediction.probabilities.items():
            assert probability == pytest.approx(reference.probabilities[label], abs=0.02), name


def test_half_precision_gives_nearly_the_same_prediction(directory: Path, predictor: Predictor) -> None:
    grey = radiograph_grey(4).astype(np.float32)
    full, half = predictor.explain(grey), Predictor(directory, precision="mixed_bfloat16").explain(grey)
    for label, probability in full.probabilities.items():
        assert half.probabilities[label] == pytest.approx(probability, abs=0.05)
        correlation = np.corrcoef(half.maps[label].grid.ravel(), full.maps[label].grid.ravel())[0, 1]
        assert correlation > 0.95 or full.maps[label].no_positive_evidence


def test_a_warmed_up_predictor_is_not_traced_again(directory: Path) -> None:
    predictor = Predictor(directory)
    predictor.warm_up()
    predictor.explain(radiograph_grey(1).astype(np.float32))
    predictor.explain(radiograph_grey(1, (700, 500)).astype(np.float32))
    assert predictor._engine._explain_batch.experimental_get_tracing_count() == 1  # type: ignore[attr-defined]


def test_the_predictor_has_the_manifest_of_the_bundle(directory: Path, predictor: Predictor) -> None:
    stored = json.loads((directory / bundle.MANIFEST).read_text())
    assert predictor.manifest.operating_points == stored["operating_points"]
