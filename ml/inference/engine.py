"""Engines that run a network: one radiograph in; logits, Grad-CAM maps and features out.

An engine is exported once (`engine_export`) and chosen by measurement (`engine_selection`). This module and
what it imports need no TensorFlow, so that a worker that serves predictions does not load it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]  # (size, size, channels), the input of the network
EnginePrecision = Literal["f32", "bf16"]

FACTS: Final = "facts.json"  # layer and feature_width
# The graph of each precision, its weights beside it: 16 bits are enough for bf16, and half as large.
MODELS: Final[dict[EnginePrecision, str]] = {"f32": "engine-f32.xml", "bf16": "engine-f16.xml"}
OUTPUTS: Final = ("logits", "maps", "features")


class EngineOutputs(NamedTuple):
    """What a network computes for one radiograph."""

    logits: NDArray[np.float32]  # (c,)
    maps: NDArray[np.float32]  # (c, u, v), Grad-CAM, not rectified
    features: NDArray[np.float32]  # (f,), for out-of-distribution measures


class Engine(Protocol):
    """Runs one network."""

    name: str
    layer: str  # the activation that Grad-CAM explains
    feature_width: int

    def run(self, pixels: Pixels) -> EngineOutputs:
        """Return the outputs for one network input."""


@dataclass(frozen=True)
class EngineName:
    """An engine that can serve, and the order in which engines are tried when they are equally fast."""

    text: str
    precision: EnginePrecision


EXACT: Final = EngineName("openvino-f32", "f32")
OPENVINO: Final = (EngineName("openvino-bf16", "bf16"), EXACT)
TENSORFLOW: Final = "tensorflow-f32"  # the reference, and the fallback


class OpenVinoEngine:
    """An exported network in OpenVINO, with an explicit precision: OpenVINO would choose one by itself."""

    def __init__(self, folder: Path, engine: EngineName, *, threads: int = 0) -> None:
        """Compile the network; `threads` 0 means all cores. Raises RuntimeError for a damaged file."""
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        self.name, self.layer, self.feature_width = engine.text, facts["layer"], facts["feature_width"]
        core = load_openvino().Core()
        options = {
            "INFERENCE_PRECISION_HINT": engine.precision,
            "PERFORMANCE_HINT": "LATENCY",
            **({"INFERENCE_NUM_THREADS": threads} if threads else {}),
        }
        self._request = core.compile_model(
            folder / MODELS[engine.precision], "CPU", options
        ).create_infer_request()

    def run(self, pixels: Pixels) -> EngineOutputs:
        """Return the outputs for one network input."""
        results = self._request.infer({0: pixels[None]}, share_inputs=True)
        return EngineOutputs(*(np.array(results[name][0], np.float32) for name in OUTPUTS))


def is_supported(engine: EngineName) -> bool:
    """Return whether the processor computes this precision itself instead of converting it."""
    capabilities = load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return engine.precision.replace("f32", "FP32").upper() in capabilities


def load_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which would report each export to its makers."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # as if it were not installed
    return import_module("openvino")
