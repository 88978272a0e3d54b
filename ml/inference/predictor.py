"""Prediction of a loaded bundle: calibrated probabilities, heatmaps of all classes and uncertainty."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ml.errors import BundleError
from ml.images import preprocessing, quality
from ml.inference import conformal, margins
from ml.inference.class_maps import class_map
from ml.inference.engine import EXACT, Engine, EngineOutputs
from ml.inference.engine_selection import LOG_ODDS_MARGIN, ServingEngine
from ml.networks import bundle, out_of_distribution
from ml.networks.bundle import Precision
from ml.records import Explanation, Frame, Grey, OutOfDistribution


class Predictor:
    """One model version in memory; loading takes about a second, so workers reuse it.

    Without a serving engine the network runs in TensorFlow.
    """

    def __init__(
        self, bundle_dir: Path, *, precision: Precision = "float32", serving: ServingEngine | None = None
    ) -> None:
        """Load and verify a bundle; raises BundleError."""
        self._serving = serving
        self._engine: Engine
        if serving is None:
            from ml.inference.tensorflow_engine import load_tensorflow_engine  # not needed by the others

            self._engine, self.manifest = load_tensorflow_engine(bundle_dir, precision)
        else:
            self._engine, self.manifest = serving, bundle.verify(bundle_dir)
        self.layer = self._engine.layer
        self._reference = bundle.load_reference(bundle_dir, self.manifest)
        if self._reference is not None and self._reference.width != self._engine.feature_width:
            raise BundleError(f"The reference features of {bundle_dir.name} do not fit its network.")

    def warm_up(self) -> None:
        """Trace the network, so that the first prediction is not slower than the others."""
        side = self.manifest.preprocessing.size
        self.explain(np.linspace(0, 1, side * side, dtype=np.float32).reshape(side, side))

    def explain(
        self, grey: Grey, *, colour: float = 0.0, operating_points: Mapping[str, float] | None = None
    ) -> Explanation:
        """Classify a radiograph (height, width), 0 black to 1 white, and compute the heatmap of each class.

        `colour` is the mean |red - blue| of the file, 0 to 255, as in `DecodedRadiograph`. `operating_points`
        (class -> probability) are those that will be applied, without them those of the bundle: near one of
        them an approximate engine does not decide.
        """
        started = time.perf_counter()
        pixels, frame = preprocessing.prepare(grey, self.manifest.preprocessing)
        flags = quality.quality_flags(grey, colour=colour)
        flagged = time.perf_counter()
        explanation, engine = self._explanation(self._engine.run(pixels), frame), self._engine.name
        points = self.manifest.operating_points if operating_points is None else operating_points
        if self._must_be_exact(explanation, points):
            assert self._serving is not None
            explanation, engine = self._explanation(self._serving.run_exactly(pixels), frame), EXACT.text
        seconds = {"prepare": flagged - started, "network": time.perf_counter() - flagged}
        return replace(explanation, quality_flags=flags, seconds=seconds, engine=engine)

    def _must_be_exact(self, explanation: Explanation, points: Mapping[str, float]) -> bool:
        if self._serving is None or self._serving.is_exact:
            return False
        return margins.is_close_to_a_threshold(explanation, self.manifest, points, LOG_ODDS_MARGIN)

    def _explanation(self, outputs: EngineOutputs, frame: Frame) -> Explanation:
        classes = self.manifest.architecture.classes
        probabilities = dict(
            zip(classes, _softmax(outputs.logits / self.manifest.temperature).tolist(), strict=True)
        )
        return self._with_uncertainty(
            Explanation(
                probabilities=probabilities,
                logits=dict(zip(classes, outputs.logits.tolist(), strict=True)),
                finding=max(probabilities, key=probabilities.__getitem__),
                maps={name: class_map(raw) for name, raw in zip(classes, outputs.maps, strict=True)},
                frame=frame,
                layer=self.layer,
                method="grad-cam",
                version=self.manifest.version,
                preprocessing_id=self.manifest.preprocessing.id,
                seconds={},
                features=outputs.features,
                quality_flags=(),
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
