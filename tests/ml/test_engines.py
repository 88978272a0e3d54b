"""Exported engines agree with TensorFlow's automatic differentiation, and the fastest that agrees serves."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.errors import BundleError
from ml.inference import engine_cache, engine_export, engine_selection, margins
from ml.inference.engine import EXACT, MODELS, OPENVINO, TENSORFLOW, OpenVinoEngine, is_supported
from ml.inference.engine_selection import ServingEngine
from ml.inference.predictor import Predictor
from ml.inference.tensorflow_engine import load_tensorflow_engine
from ml.networks import bundle
from ml.records import (
    Architecture,
    ClassMap,
    Explanation,
    Frame,
    Manifest,
    Measurement,
    OutOfDistribution,
    Preprocessing,
)
from tests.radiographs import radiograph_grey
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network

WEIGHTS = "0" * 64
SEED = 3
MILD = 2.0  # temperature at which bf16 agrees on every processor: at 1 the random network misses it on some


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a bundle of VGG16 and the folder of its exported graph."""
    folder = tmp_path_factory.mktemp("engines")
    directory = make_bundle(folder / "vgg16", "vgg16", size=64)
    engine_export.export(directory, folder / "engine")
    return directory, folder / "engine"


@pytest.mark.parametrize(
    ("family", "size"),
    [
        ("vgg16", 64),
        ("vgg16", 48),  # an odd number of cells
        ("scratch-cnn", 32),
        pytest.param("resnext50", 64, marks=pytest.mark.nightly),
    ],
)
def test_logits_maps_and_features_equal_those_of_automatic_differentiation(
    tmp_path: Path, family: Any, size: int
) -> None:
    directory = make_bundle(tmp_path / "bundle", family, size=size)
    engine_export.export(directory, tmp_path / "engine")
    reference, manifest = load_tensorflow_engine(directory, "float32")
    shape = (size, size, manifest.architecture.channels)
    pixels = np.random.default_rng(SEED).standard_normal(shape).astype(np.float32)

    found, expected = OpenVinoEngine(tmp_path / "engine", EXACT).run(pixels), reference.run(pixels)

    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(other).max())


def test_the_reason_of_a_failed_export_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = make_bundle(tmp_path / "bundle", "vgg16", size=32)
    (directory / "model.weights.h5").write_bytes(b"")

    assert engine_cache.serving_engine(directory, tmp_path / "cache") is None
    (record,) = caplog.records
    assert "python -m ml export-engine: " in record.getMessage()
    assert "weights" in record.getMessage()
    assert str(tmp_path) not in record.getMessage()


def test_a_head_without_a_closed_form_is_not_exported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = make_bundle(tmp_path / "bundle", "tiny-cnn", size=32)

    with pytest.raises(BundleError, match="cannot be exported"):
        engine_export.export(directory, tmp_path / "engine")
    assert engine_cache.serving_engine(directory, tmp_path / "cache") is None
    assert engine_cache.reproduction_difference(directory, tmp_path / "cache") is None
    selections = list((tmp_path / "cache").glob(f"*/{engine_selection.SELECTION}"))
    assert len(selections) == 1, "the next start would try again"
    assert caplog.records == []  # as expected of this network


def test_the_fastest_engine_that_agrees_is_selected(exported: tuple[Path, Path]) -> None:
    directory, folder = exported
    selection = engine_selection.select(folder, WEIGHTS, temperature=MILD)

    assert selection.engine == min(selection.milliseconds, key=selection.milliseconds.__getitem__)
    assert set(selection.milliseconds) == {name.text for name in OPENVINO if is_supported(name)}
    assert engine_selection.stored_selection(folder, WEIGHTS) == selection
    assert engine_selection.stored_selection(folder, "1" * 64) is None, "other weights"
    assert bundle.read_manifest(directory).weights_sha256 != WEIGHTS


def test_an_engine_that_disagrees_with_the_reference_does_not_serve(
    exported: tuple[Path, Path], tmp_path: Path
) -> None:
    _, folder = exported
    changed = tmp_path / "engine"
    changed.mkdir()
    for file in folder.iterdir():
        (changed / file.name).write_bytes(file.read_bytes())
    for file in changed.glob("*.bin"):
        weights = bytearray(file.read_bytes())
        middle = len(weights) // 2
        weights[middle : middle + 4096] = np.full(2048, 9.0, np.float16).tobytes()
        file.write_bytes(weights)

    assert engine_selection.select(changed, WEIGHTS, temperature=1.0).engine == TENSORFLOW
    assert engine_selection.largest_probability_difference(changed, temperature=1.0) > 1e-4
    assert engine_selection.largest_probability_difference(folder, temperature=1.0) <= 1e-4

    sound = engine_selection.select(folder, WEIGHTS, temperature=1.0)
    with pytest.raises(BundleError, match="agrees"):
        ServingEngine(changed, sound, temperature=1.0)


def test_a_prediction_close_to_an_operating_point_is_computed_exactly(
    exported: tuple[Path, Path], tmp_path: Path
) -> None:
    directory, folder = exported
    selection = replace(engine_selection.select(folder, WEIGHTS, temperature=MILD), engine=OPENVINO[0].text)
    if OPENVINO[0].text not in selection.milliseconds:
        pytest.skip("this processor does not compute bf16")
    grey = radiograph_grey(1).astype(np.float32)
    exact = Predictor(directory).explain(grey).probabilities
    names = {}
    for kind, shift in (("close", 0.01), ("far", 0.4)):
        points = {name: (value + shift) % 1 for name, value in exact.items()}
        copy = with_operating_points(directory, tmp_path / kind, points)
        serving = ServingEngine(folder, selection, temperature=MILD)
        found = Predictor(copy, serving=serving).explain(grey)
        names[kind] = found.engine
        assert found.probabilities == pytest.approx(exact, abs=0.02)  # LOG_ODDS_MARGIN at 0.5

    assert names["close"] == EXACT.text
    highest, second = sorted(exact.values(), reverse=True)[:2]
    if np.log(highest / second) > 2 * engine_selection.LOG_ODDS_MARGIN:
        assert names["far"] == OPENVINO[0].text
        deployed = {name: min(value + 0.01, 0.99) for name, value in exact.items()}
        assert Predictor(copy, serving=serving).explain(grey, operating_points=deployed).engine == EXACT.text


def with_operating_points(directory: Path, copy: Path, points: dict[str, float]) -> Path:
    """Write a copy of a bundle with other operating points."""
    model, manifest = bundle.load_network(directory)
    bundle.write(copy, model, replace(manifest, operating_points=points))
    return copy


def test_serving_needs_no_tensorflow(exported: tuple[Path, Path]) -> None:
    directory, folder = exported
    selection = engine_selection.select(folder, WEIGHTS, temperature=1.0)
    assert selection.is_exported
    code = f"""
import sys
from pathlib import Path
import numpy as np
from ml.inference import engine_selection
from ml.inference.predictor import Predictor
folder = Path({str(folder)!r})
selection = engine_selection.stored_selection(folder, {WEIGHTS!r})
serving = engine_selection.ServingEngine(folder, selection, temperature=1.0)
found = Predictor(Path({str(directory)!r}), serving=serving).explain(np.zeros((300, 200), np.float32))
assert abs(sum(found.probabilities.values()) - 1) < 1e-6
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_openvino_is_loaded_without_its_telemetry() -> None:
    code = """
import sys
from ml.inference.engine import load_openvino
load_openvino()
from openvino.tools.ovc import telemetry_utils
print(telemetry_utils.tm.__name__, sys.modules["openvino_telemetry"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "None"]


def test_a_second_start_uses_the_stored_engine(tmp_path: Path) -> None:
    directory = make_bundle(tmp_path / "bundle", "scratch-cnn", size=32)
    first = engine_cache.serving_engine(directory, tmp_path / "cache")
    (graph,) = (tmp_path / "cache").glob(f"*/{MODELS[EXACT.precision]}")
    written = graph.stat().st_mtime_ns

    second = engine_cache.serving_engine(directory, tmp_path / "cache")

    assert first
    assert second
    assert first.name == second.name
    assert engine_cache.reproduction_difference(directory, tmp_path / "cache") == pytest.approx(0, abs=1e-4)
    assert graph.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("changes", "is_close"),
    [
        ({}, False),
        ({"operating_points": {"covid-19": 0.72, "normal": 0.5, "pneumonia": 0.5}}, True),
        ({"conformal": {"covid-19": 0.9, "normal": 0.9, "pneumonia": 0.82}}, True),
        ({"abstention": 0.69}, True),
    ],
)
def test_a_prediction_near_a_threshold_of_its_version_is_close(changes: Any, is_close: bool) -> None:
    thresholds: Any = {"conformal": {"covid-19": 0.6}} | changes
    points = thresholds.pop("operating_points", {"covid-19": 0.5})

    assert margins.is_close_to_a_threshold(explanation(), manifest(**thresholds), points, 0.15) is is_close


def test_a_small_probability_is_close_only_within_its_smaller_error() -> None:
    rare = explanation(probabilities={"covid-19": 0.057, "pneumonia": 0.033, "normal": 0.91})

    # ln(0.057 / 0.943) = -2.806, ln(0.07 / 0.93) = -2.587, ln(0.06 / 0.94) = -2.752
    assert not margins.is_close_to_a_threshold(rare, manifest(), {"covid-19": 0.07}, 0.08)
    assert margins.is_close_to_a_threshold(rare, manifest(), {"covid-19": 0.06}, 0.08)


def test_certain_probabilities_are_compared_without_an_error() -> None:
    certain = explanation(probabilities={"covid-19": 1.0, "pneumonia": 0.0, "normal": 0.0})

    assert not margins.is_close_to_a_threshold(certain, manifest(), {"covid-19": 0.5, "normal": 0.5}, 0.08)
    assert margins.is_close_to_a_threshold(certain, manifest(), {"normal": 0.0}, 0.08)


def test_two_classes_of_nearly_equal_probability_are_close() -> None:
    tied = explanation(probabilities={"covid-19": 0.47, "pneumonia": 0.42, "normal": 0.11})

    assert margins.is_close_to_a_threshold(tied, manifest(), {}, 0.15)
    assert not margins.is_close_to_a_threshold(tied, manifest(), {}, 0.05)  # ln(0.47 / 0.42) / 2 = 0.056


@pytest.mark.parametrize("measure", ["knn", "mahalanobis", "energy"])
def test_a_distance_near_its_limit_is_close(measure: str) -> None:
    far = OutOfDistribution(Measurement(0.1, 0.3), Measurement(9.0, 20.0), Measurement(-3.0, -0.1))
    near = replace(far, **{measure: Measurement(1.01 * 0.3, 0.3)})

    assert not margins.is_close_to_a_threshold(explanation(out_of_distribution=far), manifest(), {}, 0.15)
    assert margins.is_close_to_a_threshold(explanation(out_of_distribution=near), manifest(), {}, 0.15)


def manifest(**values: Any) -> Manifest:
    return replace(Manifest("1", Architecture(), Preprocessing(), {}, {}), **values)


def explanation(**values: Any) -> Explanation:
    """Return the explanation of a radiograph with one clear finding."""
    plain = Explanation(
        probabilities={"covid-19": 0.7, "pneumonia": 0.2, "normal": 0.1},
        logits={},
        finding="covid-19",
        maps={"covid-19": ClassMap(np.ones((2, 2), np.float32), 1.0, no_positive_evidence=False)},
        frame=Frame(2, 2, 0, 0, 2, 2),
        layer="block5_conv3",
        method="grad-cam",
        version="1",
        preprocessing_id="",
        seconds={},
        features=np.ones(2, np.float32),
    )
    return replace(plain, **values)
