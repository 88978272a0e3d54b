"""Serving engines beside TensorFlow, the notebook recipe and other peers: time, and agreement.

python -m benchmarks.engines DATA [--radiographs 300] [--rounds 15]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.collections_on_disk import cohen_radiographs, radiography_radiographs
from benchmarks.peers import peers
from ml.datasets.hashing import hash_fraction
from ml.images import preprocessing
from ml.images.decoding import decode_radiograph
from ml.inference import engine_export, engine_selection, overlay
from ml.inference.engine import EXACT, OPENVINO, is_supported
from ml.inference.engine_selection import Selection, ServingEngine
from ml.inference.predictor import Predictor
from ml.records import Explanation, Grey

BUNDLE: Final = Path(__file__).resolve().parent.parent / "ml" / "bundles" / "default"
RESULT: Final = 0.05  # opacity reference of the overlay; its value does not change the time


def main() -> None:
    """Export the default network, and print times and agreement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public collections")
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--radiographs", type=int, default=300, help="on which the engines are compared")
    parser.add_argument("--rounds", type=int, default=15, help="of the timing; the median counts")
    arguments = parser.parse_args()
    greys = [
        decode_radiograph(path.read_bytes()).grey for path in _files(arguments.data, arguments.radiographs)
    ]
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory() as folder:
        engine_export.export(arguments.bundle, Path(folder))
        predictors = _predictors(arguments.bundle, Path(folder))
        print(_times(arguments.bundle, predictors, greys[0], arguments.rounds))
        print(_agreement(predictors, greys))


def _files(data: Path, count: int) -> list[Path]:
    cohen, _excluded = cohen_radiographs(data / "covid-chestxray-dataset")
    others = radiography_radiographs(data / "COVID-19_Radiography_Dataset")
    files = [image.path for image in [*cohen, *others]]
    return sorted(files, key=lambda path: hash_fraction(path.name, "engines"))[:count]


def _predictors(bundle: Path, folder: Path) -> dict[str, Predictor]:
    temperature = Predictor(bundle).manifest.temperature
    selection = engine_selection.select(folder, "benchmark", temperature=temperature)
    predictors = {"TensorFlow, f32": Predictor(bundle)}
    for name in filter(is_supported, OPENVINO):
        chosen = Selection(name.text, selection.milliseconds, selection.differences, selection.environment)
        serving = ServingEngine(folder, chosen, temperature=temperature)
        predictors[f"OpenVINO, {name.precision}"] = Predictor(bundle, serving=serving)
    return predictors


def _times(bundle: Path, predictors: dict[str, Predictor], grey: Grey, rounds: int) -> str:
    """Return the table of times; in each round every engine runs once, so that noise meets all alike."""
    runs: dict[str, Callable[[], Any]] = {"notebook recipe": _notebook_recipe(bundle, grey)}
    runs |= peers(bundle, grey)
    for name, predictor in predictors.items():
        runs[name] = partial(predictor.explain, grey)
        runs[f"{name}, and overlay"] = partial(_overlay, predictor, grey)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(rounds + 2):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if round_number >= 2:  # the first rounds trace and load
                seconds[name].append(time.perf_counter() - started)
    slowest = float(np.median(seconds["notebook recipe"]))
    rows = (
        f"| {name} | {slowest / float(np.median(taken)):.1f} | {float(np.median(taken)) * 1000:.1f} ms |"
        for name, taken in seconds.items()
    )
    return "\n".join(
        ["| probabilities and heatmaps | times the recipe | median |", "| --- | --- | --- |", *rows, ""]
    )


def _overlay(predictor: Predictor, grey: Grey) -> bytes:
    found = predictor.explain(grey)
    return overlay.overlay_png(grey, found.maps[found.finding], found.frame, reference=RESULT)


def _notebook_recipe(bundle: Path, grey: Grey) -> Callable[[], bytes]:
    """Return what the notebooks do: `model.predict`, an eager gradient tape, a resized map, a PNG."""
    import cv2
    import keras
    import tensorflow as tf

    from ml.networks import builder
    from ml.networks import bundle as bundles

    model, manifest = bundles.load_network(bundle)
    layer = model.get_layer(builder.target_layer(manifest.architecture)).output
    both = keras.Model(model.input, [layer, model.output])

    def run() -> bytes:
        pixels, _frame = preprocessing.prepare(grey, manifest.preprocessing)
        finding = int(np.argmax(model.predict(pixels[None], verbose=0)[0]))
        with tf.GradientTape() as tape:
            activations, logits = both(pixels[None])
            score = logits[:, finding]
        gradients = tape.gradient(score, activations)
        weights = tf.reduce_mean(gradients, axis=(0, 1, 2))
        heat = np.maximum(tf.reduce_sum(activations[0] * weights, axis=-1).numpy(), 0)
        heat = cv2.resize(heat / (heat.max() or 1), (grey.shape[1], grey.shape[0]))
        coloured = cv2.applyColorMap(np.uint8(255 * heat), cv2.COLORMAP_JET)
        background = cv2.cvtColor(np.uint8(255 * grey), cv2.COLOR_GRAY2BGR)
        return bytes(cv2.imencode(".png", cv2.addWeighted(background, 0.6, coloured, 0.4, 0))[1])

    return run


def _agreement(predictors: dict[str, Predictor], greys: Sequence[Grey]) -> str:
    """Return how often the findings and decisions of each engine differ from TensorFlow's."""
    reference = predictors["TensorFlow, f32"]
    expected = [reference.explain(grey) for grey in greys]
    points = reference.manifest.operating_points
    rows = []
    for name, predictor in predictors.items():
        if predictor is reference:
            continue
        found = [predictor.explain(grey) for grey in greys]
        pairs = list(zip(found, expected, strict=True))
        exactly = sum(one.engine == EXACT.text for one in found) / len(found)
        rows.append(
            f"| {name} | {sum(one.finding != other.finding for one, other in pairs)} "
            f"| {sum(_decisions(one, points) != _decisions(other, points) for one, other in pairs)} "
            f"| {sum(one.outcome != other.outcome for one, other in pairs)} "
            f"| {max(_difference(one, other) for one, other in pairs):.4f} | {exactly:.1%} |"
        )
    head = (
        f"| {len(greys)} radiographs | findings changed | operating-point decisions | outcomes "
        "| largest difference of a probability | computed in f32 |\n| --- | --- | --- | --- | --- | --- |"
    )
    return "\n".join([head, *rows])


def _decisions(explanation: Explanation, points: dict[str, float]) -> list[bool]:
    return [explanation.probabilities[name] >= point for name, point in points.items()]


def _difference(one: Explanation, other: Explanation) -> float:
    return max(abs(one.probabilities[name] - other.probabilities[name]) for name in one.probabilities)


if __name__ == "__main__":
    main()
