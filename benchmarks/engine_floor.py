"""The served engine over the floor of its precision, the share of its heatmaps, and the time in a batch.

python -m benchmarks.engine_floor [--rounds 30]

The floor is the network's convolutions at the speed of the fastest large matrix product of the same run: what
OpenVINO itself reaches on this processor, which is below the processor's nominal peak.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.engines import BUNDLE
from ml.inference.engine import MODELS, OPENVINO, EngineName, is_supported, load_openvino

SIDE: Final = 2048  # of the square matrices: 17 GFLOP, about as much as the network at 160 pixels
SEED: Final = 20260101
BATCH: Final = 4  # radiographs computed at once, beside one after the other
WARM_UP: Final = 3  # rounds


def main() -> None:
    """Export the default network, measure each precision in interleaved rounds, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    from ml.inference import engine_export
    from ml.networks import bundle

    model, manifest = bundle.load_network(arguments.bundle)
    operations = _convolution_operations(model)
    shape = (1, manifest.architecture.size, manifest.architecture.size, manifest.architecture.channels)
    with tempfile.TemporaryDirectory() as folder:
        engine_export.export(arguments.bundle, Path(folder))
        lines = [
            "| precision | floor | logits | with heatmaps and features | over floor | over logits only "
            f"| a radiograph in a batch of {BATCH} | over one alone |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for name in filter(is_supported, OPENVINO):
            runs = _runs(Path(folder), name, shape)
            taken = _times(runs, arguments.rounds)
            floor = operations / (2 * SIDE**3 / float(np.min(taken["product"])))
            logits, whole = (float(np.median(taken[key])) for key in ("logits", "whole"))
            times = " | ".join(f"{1000 * each:.1f} ms" for each in (floor, logits, whole))
            batched = float(np.median(taken["batch"])) / BATCH
            lines.append(
                f"| {name.precision} | {times} | {whole / floor:.2f} | {whole / logits:.3f} "
                f"| {1000 * batched:.1f} ms | {batched / whole:.2f} |"
            )
        print("\n".join(lines))


def _convolution_operations(model: Any) -> float:
    """Return the floating-point operations of the convolutions for one image."""
    import keras

    total = 0.0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            _, rows, columns, filters = layer.compute_output_shape(layer.input.shape)
            height, width, channels, _ = layer.kernel.shape
            total += 2.0 * rows * columns * filters * height * width * channels
    return total


def _runs(folder: Path, name: EngineName, shape: tuple[int, ...]) -> dict[str, Callable[[], Any]]:
    openvino = load_openvino()
    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": name.precision, "PERFORMANCE_HINT": "LATENCY"}
    random = np.random.default_rng(SEED)
    whole = core.read_model(folder / MODELS[name.precision])
    logits = openvino.Model([whole.output("logits").get_node()], whole.get_parameters(), "logits")
    batch = core.read_model(folder / MODELS[name.precision])
    batch.reshape((BATCH, *shape[1:]))
    inputs = {
        "product": random.standard_normal((SIDE, SIDE)).astype(np.float32),
        "logits": random.standard_normal(shape).astype(np.float32),
        "whole": random.standard_normal(shape).astype(np.float32),
        "batch": random.standard_normal((BATCH, *shape[1:])).astype(np.float32),
    }
    models = {"product": _product(openvino, random), "logits": logits, "whole": whole, "batch": batch}
    return {
        key: partial(
            core.compile_model(graph, "CPU", options).create_infer_request().infer,
            {0: inputs[key]},
            share_inputs=True,
        )
        for key, graph in models.items()
    }


def _product(openvino: Any, random: np.random.Generator) -> Any:
    """Return a graph that multiplies its input by a constant matrix."""
    opset13 = import_module("openvino.opset13")
    left = opset13.parameter([SIDE, SIDE], np.float32)
    right = opset13.constant(random.standard_normal((SIDE, SIDE)).astype(np.float32))
    return openvino.Model([opset13.matmul(left, right, False, False)], [left], "product")


def _times(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {key: [] for key in runs}
    for number in range(rounds + WARM_UP):
        for key, run in runs.items():
            started = time.perf_counter()
            run()
            if number >= WARM_UP:
                seconds[key].append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    main()
