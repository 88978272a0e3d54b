"""A bundle in memory: one radiograph in, calibrated probabilities and the heat maps of all classes out."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from ml.images import preprocessing, quality
from ml.inference import conformal, gradcam
from ml.networks import builder, bundle, out_of_distribution
from ml.networks.bundle import Precision
from ml.records import BundleError, Explanation, Grey


class Predictor:
    """Answers for one version; costs a second to make, so a worker keeps it."""

    def __init__(self, bundle_dir: Path, *, precision: Precision = "float32") -> None:
        """Load and verify a bundle; raises BundleError."""
        model, self.manifest = bundle.load_network(bundle_dir, precision=precision)
        self.layer = builder.target_layer(self.manifest.architecture)
        described = builder.feature_layers(self.manifest.architecture)
        width = sum(model.get_layer(name).output.shape[-1] for name in described)
        self._reference = bundle.load_reference(bundle_dir, self.manifest)
        if self._reference is not None and self._reference.width != width:
            raise BundleError(f"The reference features of {bundle_dir.name} do not fit its network.")
        self._answer = gradcam.explainer(model, self.layer, describe=described)

    def warm_up(self) -> None:
        """Trace the network now, so that the first patient does not wait for it."""
        side = self.manifest.preprocessing.size
        self.explain(np.linspace(0, 1, side * side, dtype=np.float32).reshape(side, side))

    def explain(self, grey: Grey, *, colour: float = 0.0) -> Explanation:
        """Classify a radiograph (height, width), 0 black to 1 white, and say where each score comes from.

        `colour` is what the file had of it, as in `Radiograph`.
        """
        began = time.perf_counter()
        pixels, frame = preprocessing.prepare(grey, self.manifest.preprocessing)
        prepared = time.perf_counter()
        found = gradcam.explain(self._answer, pixels)
        answered = time.perf_counter()
        classes = self.manifest.architecture.classes
        probabilities = dict(
            zip(classes, _softmax(found.logits / self.manifest.temperature).tolist(), strict=True)
        )
        return self._judged(
            Explanation(
                probabilities=probabilities,
                logits=dict(zip(classes, found.logits.tolist(), strict=True)),
                finding=max(probabilities, key=probabilities.__getitem__),
                maps={
                    name: gradcam.class_map(raw)
                    for name, raw in zip(classes, found.raw["grad-cam"], strict=True)
                },
                frame=frame,
                layer=self.layer,
                method="grad-cam",
                version=self.manifest.version,
                preprocessing_id=self.manifest.preprocessing.id,
                seconds={"prepare": prepared - began, "network": answered - prepared},
                features=found.features,
                quality_flags=quality.quality_flags(grey, colour=colour),
            )
        )

    def _judged(self, found: Explanation) -> Explanation:
        """Add which classes cannot be excluded, how far the radiograph is from those learnt, and what follows."""
        measured = bool(self.manifest.conformal)
        named = conformal.candidates(found.probabilities, self.manifest.conformal) if measured else ()
        away = None
        if self._reference is not None and self.manifest.out_of_distribution is not None:
            logits = np.array(list(found.logits.values()))
            away = out_of_distribution.measure(
                self._reference, self.manifest.out_of_distribution, found.features, logits
            )
        novel = away is not None and away.exceeded
        return replace(
            found,
            outcome=conformal.outcome_of(found.finding, named, measured=measured, novel=novel),
            candidates=named,
            out_of_distribution=away,
            doubtful=found.probabilities[found.finding] < (self.manifest.abstention or 0.0),
        )


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64) - float(logits.max()))
    shares: np.ndarray = powers / powers.sum()
    return shares
