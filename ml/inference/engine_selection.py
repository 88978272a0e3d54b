"""Selection of the serving engine: the fastest one that agrees with the reference, measured on this machine.

The selection is stored beside the exported graph and used again as long as weights, OpenVINO and processor
are the same. The agreement is checked again at each load; the next slower engine serves where it fails.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import logit, softmax

from ml.errors import BundleError
from ml.inference.engine import (
    EXACT,
    OPENVINO,
    TENSORFLOW,
    Engine,
    EngineOutputs,
    EnginePrecision,
    OpenVinoEngine,
    Pixels,
    is_supported,
)

CHECK: Final = "check.npz"  # fixed inputs, and what the reference engine computes for them
SELECTION: Final = "selection.json"
ROUNDS: Final = 5  # of the timing; the median counts
CHECKED_AT_LOAD: Final = 2  # inputs


@dataclass(frozen=True)
class Difference:
    """The largest differences between an engine and the reference."""

    log_odds: float  # of a class's probability
    maps: float  # as a share of the largest value in the radiograph's maps
    features: float

    def exceeds(self, limit: Difference) -> bool:
        """Return whether any of the differences is above its limit or not a number."""
        pairs = zip(vars(self).values(), vars(limit).values(), strict=True)
        return not all(value <= largest for value, largest in pairs)


# A probability within LOG_ODDS_MARGIN of a threshold is computed again with f32 (see `margins`): twice the
# limit of bf16. At a probability of 0.5 it is 0.02, at one of 0.05 it is 0.004.
LOG_ODDS_MARGIN: Final = 0.08
TOLERANCES: Final[dict[EnginePrecision, Difference]] = {
    "bf16": Difference(log_odds=LOG_ODDS_MARGIN / 2, maps=0.05, features=0.01),
    "f32": Difference(log_odds=0.004, maps=0.002, features=0.0005),
}


@dataclass(frozen=True)
class Selection:
    """Which engine serves a version on this machine, and why."""

    engine: str
    milliseconds: dict[str, float]
    differences: dict[str, dict[str, float]]
    environment: dict[str, str]

    @property
    def is_exported(self) -> bool:
        """Return whether an exported graph serves; otherwise the network runs in TensorFlow."""
        return self.engine != TENSORFLOW


def environment(weights_sha256: str) -> dict[str, str]:
    """Return what a selection depends on."""
    capabilities = ",".join(engine.text for engine in OPENVINO if is_supported(engine))
    cores = str(len(os.sched_getaffinity(0)))
    return {
        "weights": weights_sha256, "openvino": installed("openvino"), "engines": capabilities, "cores": cores,
    }  # fmt: skip


def stored_selection(folder: Path, weights_sha256: str) -> Selection | None:
    """Return the selection made here for these weights; None where there is none or anything changed."""
    try:
        stored = Selection(**json.loads((folder / SELECTION).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return stored if stored.environment == environment(weights_sha256) else None


def select(folder: Path, weights_sha256: str, *, temperature: float) -> Selection:
    """Measure the engines on an exported graph and store the fastest that agrees with the reference."""
    milliseconds: dict[str, float] = {}
    differences: dict[str, Difference] = {}
    for name in filter(is_supported, OPENVINO):
        engine = OpenVinoEngine(folder, name)
        differences[name.text] = difference_of(engine, folder, temperature=temperature)
        milliseconds[name.text] = _median_milliseconds(engine, folder)
    agreeing = [
        name.text
        for name in OPENVINO
        if name.text in differences and not differences[name.text].exceeds(TOLERANCES[name.precision])
    ]
    selection = Selection(
        engine=min(agreeing, key=milliseconds.__getitem__, default=TENSORFLOW),
        milliseconds={name: round(value, 2) for name, value in milliseconds.items()},
        differences={name: asdict(value) for name, value in differences.items()},
        environment=environment(weights_sha256),
    )
    store(folder, selection)
    return selection


def store(folder: Path, selection: Selection) -> None:
    """Write a selection atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{SELECTION}.{os.getpid()}.tmp"
    draft.write_text(json.dumps(asdict(selection), indent=1), encoding="utf-8")
    draft.replace(folder / SELECTION)


def difference_of(
    engine: Engine, folder: Path, *, temperature: float, inputs: int | None = None
) -> Difference:
    """Return how far an engine is from the reference on the first `inputs` fixed inputs, or on all."""
    pairs = _pairs(engine, folder, inputs)
    return Difference(
        log_odds=_largest(pairs, lambda one: logit(softmax(one.logits.astype(np.float64) / temperature))),
        maps=max(
            float(np.abs(one.maps - reference.maps).max() / np.abs(reference.maps).max())
            for one, reference in pairs
        ),
        features=_largest(pairs, lambda one: one.features),
    )


def largest_probability_difference(folder: Path, *, temperature: float) -> float:
    """Return by how much the exact engine's probabilities differ from the reference's on the fixed inputs."""
    pairs = _pairs(OpenVinoEngine(folder, EXACT), folder, None)
    return _largest(pairs, lambda one: softmax(one.logits.astype(np.float64) / temperature))


def _pairs(engine: Engine, folder: Path, inputs: int | None) -> list[tuple[EngineOutputs, EngineOutputs]]:
    check = _check(folder)
    found = [engine.run(pixels) for pixels in check["inputs"][:inputs]]
    return [
        (one, EngineOutputs(*(check[name][k] for name in EngineOutputs._fields)))
        for k, one in enumerate(found)
    ]


def _largest(
    pairs: Sequence[tuple[EngineOutputs, EngineOutputs]], values: Callable[[EngineOutputs], Any]
) -> float:
    return max(float(np.abs(values(one) - values(reference)).max()) for one, reference in pairs)


def _median_milliseconds(engine: Engine, folder: Path) -> float:
    pixels: Pixels = _check(folder)["inputs"][0]
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        engine.run(pixels)
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * 1000


def _check(folder: Path) -> dict[str, Any]:
    with np.load(folder / CHECK, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


class ServingEngine:
    """The selected engine of a version; an approximate one has an exact one beside it, loaded when needed."""

    def __init__(self, folder: Path, selection: Selection, *, temperature: float) -> None:
        """Load and check the selected engine, or the next slower one; raises BundleError if none agrees."""
        self._folder = folder
        self._exact: OpenVinoEngine | None = None
        names = [name for name in OPENVINO if name.text in selection.differences]
        start = next(k for k, name in enumerate(names) if name.text == selection.engine)
        for name in names[start:]:
            self._engine: Engine = OpenVinoEngine(folder, name)
            found = difference_of(self._engine, folder, temperature=temperature, inputs=CHECKED_AT_LOAD)
            if not found.exceeds(TOLERANCES[name.precision]):
                self.name, self.is_exact = name.text, name.precision == "f32"
                self.layer, self.feature_width = self._engine.layer, self._engine.feature_width
                return
        raise BundleError("No exported engine agrees with the reference.")

    def run(self, pixels: Pixels) -> EngineOutputs:
        """Return the outputs for one network input."""
        return self._engine.run(pixels)

    def run_exactly(self, pixels: Pixels) -> EngineOutputs:
        """Return the outputs in f32."""
        if self.is_exact:
            return self._engine.run(pixels)
        if self._exact is None:
            self._exact = OpenVinoEngine(self._folder, EXACT)
        return self._exact.run(pixels)
