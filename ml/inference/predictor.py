"""Prediction of a loaded bundle: calibrated probabilities, heatmaps of all classes and uncertainty."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from ml.errors import BundleError
from ml.images import preprocessing, quality
from ml.inference import conformal, gradcam
from ml.networks import builder, bundle, out_of_distribution
from ml.networks.bundle import Precision
from ml.records import Explanation, Grey, OutOfDistribution


class Predictor:
    """One model version in memory; loading takes about a second, so workers reuse it."""

    def __init__(self, bundle_dir: Path, *, precision: Precision = "float32") -> None:
        """Load and verify a bundle; raises BundleError."""
        model, self.manifest = bundle.load_network(bundle_dir, precision=precision)
        self.layer = builder.target_layer(self.manifest.architecture)
        feature_layers = builder.feature_layers(self.manifest.architecture)
        width = sum(model.get_layer(name).output.shape[-1] for name in feature_layers)
        self._reference = bundle.load_reference(bundle_dir, self.manifest)
        if self._reference is not None and self._reference.width != width:
            raise BundleError(f"The reference features of {bundle_dir.name} do not fit its network.")
        self._explain_batch = gradcam.build_explainer(model, self.layer, feature_layers=feature_layers)

    def warm_up(self) -> None:
        """Trace the network, so that the first prediction is not slower than the others."""
        side = self.manifest.preprocessing.size
        self.explain(np.linspace(0, 1, side * side, dtype=np.float32).reshape(side, side))

    def explain(self, grey: Grey, *, colour: float = 0.0) -> Explanation:
        """Classify a radiograph (height, width), 0 black to 1 white, and compute the heatmap of each class.

        `colour` is the mean |red - blue| of the file, 0 to 255, as in `DecodedRadiograph`.
        """
        started = time.perf_counter()
        pixels, frame = preprocessing.prepare(grey, self.manifest.preprocessing)
        prepared = time.perf_counter()
        result = gradcam.explain(self._explain_batch, pixels)
        finished = time.perf_counter()
        classes = self.manifest.architecture.classes
        probabilities = dict(
            zip(classes, _softmax(result.logits / self.manifest.temperature).tolist(), strict=True)
        )
        heatmaps = zip(classes, result.raw["grad-cam"], strict=True)
        return self._with_uncertainty(
            Explanation(
                probabilities=probabilities,
                logits=dict(zip(classes, result.logits.tolist(), strict=True)),
                finding=max(probabilities, key=probabilities.__getitem__),
                maps={name: gradcam.class_map(raw) for name, raw in heatmaps},
                frame=frame,
                layer=self.layer,
                method="grad-cam",
                version=self.manifest.version,
                preprocessing_id=self.manifest.preprocessing.id,
                seconds={"prepare": prepared - started, "network": finished - prepared},
                features=result.features,
                quality_flags=quality.quality_flags(grey, colour=colour),
            )
        )

    def _with_uncertainty(self, explanation: Explanation) -> Explanation:
        """Add candidates, out-of-distribution measures, outcome and abstention."""
        probabilities, limits = explanation.probabilities, self.manifest.conformal
        candidates = conformal.candidates(probabilities, limits) if limits else ()
        distance = self._out_of_distribution(explanation)
        return replace(
            explanation,
            outcome=conformal.outcome_of(
                explanation.finding,
                candidates,
                calibrated=bool(limits),
                out_of_distribution=distance is not None and distance.exceeded,
            ),
            candidates=candidates,
            out_of_distribution=distance,
            low_confidence=probabilities[explanation.finding] < (self.manifest.abstention or 0.0),
        )

    def _out_of_distribution(self, explanation: Explanation) -> OutOfDistribution | None:
        limits = self.manifest.out_of_distribution
        if self._reference is None or limits is None:
            return None
        logits = np.array(list(explanation.logits.values()))
        return out_of_distribution.measure(self._reference, limits, explanation.features, logits)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64) - float(logits.max()))
    probabilities: np.ndarray = powers / powers.sum()
    return probabilities
