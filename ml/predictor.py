"""A bundle in memory: one film in, calibrated probabilities and the heat maps of all classes out."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from ml import bundle, gradcam, imaging, network
from ml.bundle import Precision
from ml.records import Explanation, Grey


class Predictor:
    """Answers for one version; costs a second to make, so a worker keeps it."""

    def __init__(self, bundle_dir: Path, *, precision: Precision = "float32") -> None:
        """Load and verify a bundle; raises BundleError."""
        model, self.manifest = bundle.load_network(bundle_dir, precision=precision)
        self.layer = network.target_layer(self.manifest.architecture)
        self._answer = gradcam.explainer(model, self.layer)

    def warm_up(self) -> None:
        """Trace the network now, so that the first patient does not wait for it."""
        side = self.manifest.preprocessing.size
        self.explain(np.linspace(0, 1, side * side, dtype=np.float32).reshape(side, side))

    def explain(self, grey: Grey) -> Explanation:
        """Classify a film (height, width), 0 black to 1 white, and say where each score comes from."""
        began = time.perf_counter()
        pixels, frame = imaging.prepare(grey, self.manifest.preprocessing)
        prepared = time.perf_counter()
        found = gradcam.explain(self._answer, pixels)
        answered = time.perf_counter()
        classes = self.manifest.architecture.classes
        probabilities = _softmax(found.logits / self.manifest.temperature)
        return Explanation(
            probabilities=dict(zip(classes, probabilities.tolist(), strict=True)),
            logits=dict(zip(classes, found.logits.tolist(), strict=True)),
            finding=classes[int(probabilities.argmax())],
            maps={
                name: gradcam.class_map(raw) for name, raw in zip(classes, found.raw["grad-cam"], strict=True)
            },
            frame=frame,
            layer=self.layer,
            method="grad-cam",
            version=self.manifest.version,
            preprocessing_id=self.manifest.preprocessing.id,
            seconds={"prepare": prepared - began, "network": answered - prepared},
        )


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64) - float(logits.max()))
    shares: np.ndarray = powers / powers.sum()
    return shares
