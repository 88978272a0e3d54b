"""A small fitted network that tells a frontal chest radiograph from other kinds of pictures.

`python -m benchmarks.quality_gate` fits and measures it; docs/quality_gate.md holds the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.images.quality_features import Vector, features_of
from ml.records import Grey, QualityCode

COEFFICIENTS: Final = Path(__file__).with_name("quality_detector.npz")
FRONTAL: Final = "frontal"
OTHER_KINDS: Final[tuple[QualityCode, ...]] = (
    "lateral-view",
    "ct-slice",
    "inverted",
    "not-a-chest",
    "not-a-radiograph",
)
MAX_DEVIATION: Final = 6.0  # standard deviations; a feature further away counts as this far

Weights = NDArray[np.float32]


@dataclass(frozen=True)
class Coefficients:
    """The weights of the detector: standardised features, one hidden layer, one output for each kind."""

    mean: Vector
    scale: Vector
    hidden: Weights  # (features, units)
    hidden_bias: Vector
    output: Weights  # (units, 1 + other kinds), frontal first
    output_bias: Vector
    threshold: float  # the lowest probability of a frontal radiograph that is not stopped


def detected_code(grey: Grey, coefficients: Coefficients | None = None) -> QualityCode | None:
    """Return what an image (height, width), 0 black to 1 white, shows; None for a frontal radiograph."""
    coefficients = coefficients or shipped_coefficients()
    return code_of(probabilities(features_of(grey), coefficients), coefficients.threshold)


def code_of(kinds: Vector, threshold: float) -> QualityCode | None:
    """Return the most probable other kind where frontal is less probable than the threshold."""
    return None if kinds[0] >= threshold else OTHER_KINDS[int(kinds[1:].argmax())]


def probabilities(features: Vector, coefficients: Coefficients) -> Vector:
    """Return the probability of each kind, frontal first; `features` is (width,) or (images, width)."""
    standard = np.clip((features - coefficients.mean) / coefficients.scale, -MAX_DEVIATION, MAX_DEVIATION)
    hidden = np.maximum(standard @ coefficients.hidden + coefficients.hidden_bias, 0)
    logits = hidden @ coefficients.output + coefficients.output_bias
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Vector = powers / powers.sum(axis=-1, keepdims=True)
    return shares


@lru_cache(maxsize=1)
def shipped_coefficients() -> Coefficients:
    """Return the coefficients that are shipped with Readroom."""
    with np.load(COEFFICIENTS, allow_pickle=False) as stored:
        arrays = {
            name: stored[name].astype(np.float32)
            for name in ("mean", "scale", "hidden", "hidden_bias", "output", "output_bias")
        }
        return Coefficients(**arrays, threshold=float(stored["threshold"]))


def save(coefficients: Coefficients, path: Path, *, origin: str) -> None:
    """Write coefficients as float16 arrays, with a line on what they were fitted to."""
    arrays = {
        name: value.astype(np.float16) for name, value in vars(coefficients).items() if name != "threshold"
    }
    arrays["threshold"] = np.array(coefficients.threshold, np.float32)
    np.savez_compressed(path, origin=np.array(origin), **arrays)
