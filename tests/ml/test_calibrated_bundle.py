"""A calibrated bundle: candidates, out-of-distribution detection and its reference file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.errors import BundleError
from ml.images import preprocessing
from ml.inference import calibration
from ml.inference.predictor import Predictor
from ml.networks import bundle, out_of_distribution
from ml.records import LabelledImage
from tests.radiographs import radiograph_grey, radiograph_png
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network
CLASSES = ("covid-19", "pneumonia", "normal")
ADDED = ("conformal", "abstention", "out_of_distribution", "reference_sha256")


def write_radiographs(folder: Path, numbers: range) -> list[LabelledImage]:
    folder.mkdir()
    radiographs = []
    for number in numbers:
        path = folder / f"{number}.png"
        path.write_bytes(radiograph_png(number))
        radiographs.append(LabelledImage(path, CLASSES[number % 3], f"patient-{number}"))
    return radiographs


@pytest.fixture(scope="module")
def validation_images(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    return write_radiographs(tmp_path_factory.mktemp("radiographs") / "validation", range(60))


@pytest.fixture(scope="module")
def training_images(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    radiographs = write_radiographs(tmp_path_factory.mktemp("radiographs") / "training", range(100, 180))
    radiographs[0].path.write_bytes(b"not a radiograph")
    return radiographs


@pytest.fixture(scope="module")
def calibrated(
    tmp_path_factory: pytest.TempPathFactory,
    validation_images: list[LabelledImage],
    training_images: list[LabelledImage],
) -> Path:
    directory = make_bundle(tmp_path_factory.mktemp("bundle") / "b", "scratch-cnn")
    calibration.calibrate(directory, validation_images, training_images=training_images)
    return directory


@pytest.fixture(scope="module")
def predictor(calibrated: Path) -> Predictor:
    return Predictor(calibrated)


@pytest.fixture
def copy(calibrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(calibrated, tmp_path / "copy"))


def change(directory: Path, **entries: Any) -> None:
    path = directory / bundle.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def photograph(seed: int) -> NDArray[np.float32]:
    """Return an image of a ball in front of waves."""
    y, x = np.mgrid[:256, :256] / 256
    ball = ((x - 0.5) ** 2 + (y - 0.6) ** 2) < 0.05
    return (0.5 + 0.3 * np.sin(9 * x + seed) * np.cos(7 * y) + 0.2 * ball).astype(np.float32)


def test_features_are_the_averages_of_the_last_layers(predictor: Predictor, calibrated: Path) -> None:
    import keras

    grey = radiograph_grey(1).astype(np.float32)
    model, manifest = bundle.load_network(calibrated)
    names = [f"block{block}_conv2_relu" for block in (3, 4, 5)]
    trunk = keras.Model(model.input, [model.get_layer(name).output for name in names])
    pixels, _ = preprocessing.prepare(grey, manifest.preprocessing)
    means = [np.asarray(layer).mean(axis=(1, 2))[0] for layer in trunk(pixels[None])]
    expected = np.concatenate([mean / np.linalg.norm(mean) for mean in means])
    np.testing.assert_allclose(predictor.explain(grey).features, expected, rtol=1e-4, atol=1e-6)


def test_images_other_than_chest_radiographs_are_out_of_distribution(predictor: Predictor) -> None:
    noise = np.random.default_rng(0).random((5, 256, 256)).astype(np.float32)
    others = [
        *noise,
        *map(photograph, range(5)),
        *(np.rot90(radiograph_grey(seed)).astype(np.float32) for seed in range(200, 205)),
        *(1 - radiograph_grey(seed).astype(np.float32) for seed in range(200, 205)),
    ]
    for image in others:
        found = predictor.explain(image)
        assert found.out_of_distribution is not None
        assert found.out_of_distribution.knn.exceeded
        assert found.out_of_distribution.mahalanobis.exceeded
        assert found.outcome == "out-of-distribution"
        assert sum(found.probabilities.values()) == pytest.approx(1)  # the score is still given


def test_few_typical_radiographs_are_out_of_distribution(predictor: Predictor) -> None:
    found = [predictor.explain(radiograph_grey(seed).astype(np.float32)) for seed in range(300, 340)]
    assert np.mean([each.outcome == "out-of-distribution" for each in found]) <= 0.2
    for each in found:
        limits = predictor.manifest.conformal
        candidates = {label for label, p in each.probabilities.items() if 1 - p <= limits[label]}
        assert set(each.candidates) == candidates


def test_limits_come_from_the_validation_set_and_the_reference_from_the_training_set(
    predictor: Predictor, validation_images: list[LabelledImage]
) -> None:
    from ml.images.decoding import decode_radiograph

    limits = predictor.manifest.out_of_distribution
    assert limits is not None
    assert (limits.source, limits.reference_radiographs, limits.calibration_radiographs) == (
        "training set",
        79,
        60,
    )
    distances = [
        predictor.explain(decode_radiograph(radiograph.path.read_bytes()).grey).out_of_distribution
        for radiograph in validation_images
    ]
    for name in ("knn", "mahalanobis", "energy"):
        values = [getattr(each, name).value for each in distances]
        assert getattr(limits, name) == pytest.approx(max(values), rel=1e-3)  # of 60 the 99th percentile


def test_without_training_images_half_of_the_patients_are_the_reference(
    tmp_path: Path, validation_images: list[LabelledImage]
) -> None:
    more = write_radiographs(tmp_path / "more", range(400, 440))
    directory = make_bundle(tmp_path / "b")
    manifest = calibration.calibrate(directory, [*validation_images, *more])
    assert manifest.out_of_distribution is not None
    assert (manifest.out_of_distribution.source, manifest.out_of_distribution.reference_radiographs) == (
        "validation set",
        50,
    )
    assert manifest.out_of_distribution.calibration_radiographs == 50


def test_too_few_radiographs_give_no_out_of_distribution_limits(
    tmp_path: Path, validation_images: list[LabelledImage]
) -> None:
    directory = make_bundle(tmp_path / "b")
    manifest = calibration.calibrate(directory, validation_images[:20])
    assert (manifest.out_of_distribution, manifest.reference_sha256) == (None, "")
    assert not (directory / bundle.REFERENCE).exists()
    assert manifest.conformal == dict.fromkeys(
        CLASSES, 1.0
    )  # seven radiographs of each class: no class is excluded
    found = Predictor(directory).explain(photograph(1))
    assert (found.out_of_distribution, found.outcome, len(found.candidates)) == (None, "indeterminate", 3)


def test_a_bundle_without_calibration_gives_a_finding_without_candidates(copy: Path) -> None:
    stored = json.loads((copy / bundle.MANIFEST).read_text())
    uncalibrated = {name: value for name, value in stored.items() if name not in ADDED}
    (copy / bundle.MANIFEST).write_text(json.dumps(uncalibrated))
    (copy / bundle.REFERENCE).unlink()
    found = Predictor(copy).explain(photograph(1))
    assert (found.outcome, found.candidates, found.out_of_distribution, found.low_confidence) == (
        "finding",
        (),
        None,
        False,
    )


def test_a_changed_reference_is_refused(copy: Path) -> None:
    path = copy / bundle.REFERENCE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match="reference features of copy do not match"):
        Predictor(copy)


def test_a_missing_reference_is_refused(copy: Path) -> None:
    (copy / bundle.REFERENCE).unlink()
    with pytest.raises(BundleError, match="reference features of copy are missing"):
        bundle.verify(copy)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 truncated", b"not an archive"])
def test_an_invalid_reference_file_is_refused_even_with_its_checksum(copy: Path, content: bytes) -> None:
    import hashlib

    (copy / bundle.REFERENCE).write_bytes(content)
    change(copy, reference_sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(BundleError, match="cannot be used"):
        Predictor(copy)


def test_a_reference_of_pickled_objects_is_refused(copy: Path) -> None:
    import hashlib

    path = copy / bundle.REFERENCE
    with path.open("wb") as file:
        np.savez(file, points=np.array([{}], dtype=object), means=np.zeros((1, 1)), precision=np.zeros(1))
    change(copy, reference_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(BundleError, match="cannot be used"):
        Predictor(copy)


def test_the_reference_of_another_network_is_refused(copy: Path) -> None:
    model, manifest = bundle.load_network(copy)
    features = np.random.default_rng(0).random((50, 7))
    bundle.write(copy, model, manifest, reference=out_of_distribution.fit(features, np.arange(50) % 3))
    with pytest.raises(BundleError, match="do not fit its network"):
        Predictor(copy)


@pytest.mark.parametrize(
    "entries",
    [
        {"conformal": {"covid-19": 1.2}},
        {"conformal": {"flu": 0.5}},
        {"abstention": 1.5},
        {"out_of_distribution": None},
        {"out_of_distribution": {"knn": 1}},
        {"reference_sha256": ""},
    ],
)
def test_invalid_thresholds_are_refused(copy: Path, entries: dict[str, Any]) -> None:
    change(copy, **entries)
    with pytest.raises(BundleError):
        bundle.read_manifest(copy)


def test_a_rewritten_bundle_keeps_its_reference_and_a_copy_elsewhere_has_none(
    copy: Path, tmp_path: Path
) -> None:
    model, manifest = bundle.load_network(copy)
    assert bundle.write(copy, model, manifest).out_of_distribution == manifest.out_of_distribution
    bundle.verify(copy)
    elsewhere = bundle.write(tmp_path / "elsewhere", model, manifest)
    assert (elsewhere.out_of_distribution, elsewhere.reference_sha256) == (None, "")
    assert bundle.verify(tmp_path / "elsewhere") == elsewhere
