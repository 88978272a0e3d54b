"""Check I: stability of the predicted finding under small image perturbations (docs/trust.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.records import Grey
from ml.trust import catalogue
from ml.trust.check import Outcome, check
from ml.trust.evaluation_set import EvaluationSet

CHANGED_WARN: Final = 0.05
NOISE: Final = 5 / 255
QUALITY: Final = 50

Perturbation = Callable[[Grey], Grey]


@check(
    catalogue.PERTURBATION_STABILITY,
    threshold="more than 5 % of the predictions change under any perturbation WARN (*)",
)
def perturbation_stability(test_set: EvaluationSet) -> Outcome:
    """Count the predictions that change under compression, exposure, geometry and noise.

    The unchanged images are predicted anew, in the same fast precision as the altered ones.
    """
    predictor = test_set.predictor.quick
    predicted = predictor.predict(test_set.inputs).predicted
    shares: dict[str, float] = {}
    counts: dict[str, int] = {}
    for name, perturb in PERTURBATIONS.items():
        altered = np.stack([perturb(square) for square in test_set.squares])
        changed = predictor.predict(test_set.inputs, altered).predicted != predicted
        counts[name] = int(changed.sum())
        shares[name] = counts[name] / len(predicted)
    worst = max(shares, key=lambda name: shares[name])
    return Outcome(
        "WARN" if shares[worst] > CHANGED_WARN else "PASS",
        f"Most predictions change under {worst}: {counts[worst]} of {len(predicted)}. The variation between "
        "training seeds is not measured.",
        value=shares[worst],
        ci=statistics.wilson(counts[worst], len(predicted)),
        n=len(predicted),
        metrics=shares,
    )


def _jpeg(square: Grey) -> Grey:
    pixels = np.rint(square * 255).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    return np.asarray(decoded, np.float32) / np.float32(255)


def _brightness(offset: float) -> Perturbation:
    return lambda square: np.clip(square + np.float32(offset), 0, 1).astype(np.float32)


def _gamma(power: float) -> Perturbation:
    return lambda square: np.power(np.clip(square, 0, 1), power).astype(np.float32)


def _affine(*, degrees: float = 0.0, right: float = 0.0, zoom: float = 1.0) -> Perturbation:
    def transform(square: Grey) -> Grey:
        side = square.shape[0]
        matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), degrees, zoom)
        matrix[0, 2] += right * side
        transformed: Grey = cv2.warpAffine(
            square, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        return transformed

    return transform


def _noise(square: Grey) -> Grey:
    noise = np.random.default_rng(SEED).normal(0, NOISE, square.shape)
    return np.clip(square + noise, 0, 1).astype(np.float32)


PERTURBATIONS: Final[dict[str, Perturbation]] = {
    "JPEG compression at quality 50": _jpeg,
    "10 % higher brightness": _brightness(0.1),
    "10 % lower brightness": _brightness(-0.1),
    "gamma 0.8": _gamma(0.8),
    "gamma 1.25": _gamma(1.25),
    "rotation by 5 degrees to the left": _affine(degrees=5),
    "rotation by 5 degrees to the right": _affine(degrees=-5),
    "shift by 3 % to the right": _affine(right=0.03),
    "shift by 3 % to the left": _affine(right=-0.03),
    "scaling to 95 %": _affine(zoom=0.95),
    "scaling to 105 %": _affine(zoom=1.05),
    "noise of 5 grey values": _noise,
}
