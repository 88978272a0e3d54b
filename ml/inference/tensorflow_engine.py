"""The reference engine: the Keras network itself, with Grad-CAM by automatic differentiation."""

from __future__ import annotations

from pathlib import Path

import keras

from ml.inference import gradcam
from ml.inference.engine import TENSORFLOW, EngineOutputs, Pixels
from ml.networks import builder, bundle
from ml.networks.bundle import Precision
from ml.records import Architecture, Manifest


class TensorFlowEngine:
    """Runs a Keras network of this process."""

    name = TENSORFLOW

    def __init__(self, model: keras.Model, architecture: Architecture) -> None:
        self.layer = builder.target_layer(architecture)
        features = builder.feature_layers(architecture)
        self.feature_width = sum(model.get_layer(name).output.shape[-1] for name in features)
        self._explain_batch = gradcam.build_explainer(model, self.layer, feature_layers=features)

    def run(self, pixels: Pixels) -> EngineOutputs:
        """Return the outputs for one network input."""
        found = gradcam.explain(self._explain_batch, pixels)
        return EngineOutputs(found.logits, found.raw["grad-cam"], found.features)


def load_tensorflow_engine(directory: Path, precision: Precision) -> tuple[TensorFlowEngine, Manifest]:
    """Return the engine of a bundle and its manifest; raises BundleError."""
    model, manifest = bundle.load_network(directory, precision=precision)
    return TensorFlowEngine(model, manifest.architecture), manifest
