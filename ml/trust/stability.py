"""Check I: whether changes that no reader would mind change the finding (guide section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.records import Grey
from ml.trust.check import Outcome, check
from ml.trust.evaluation_set import EvaluationSet

FLIPS_WARN: Final = 0.05
NOISE: Final = 5 / 255
QUALITY: Final = 50

Change = Callable[[Grey], Grey]


@check("I", threshold="more than 5 % of the findings change under any of the changes WARN (*)")
def stability(examined: EvaluationSet) -> Outcome:
    """Count the findings that change under JPEG, exposure, small movements and noise."""
    named = examined.answers.named
    figures: dict[str, float] = {}
    counts: dict[str, int] = {}
    for name, change in CHANGES.items():
        altered = np.stack([change(square) for square in examined.squares])
        counts[name] = int((examined.reader.answers(examined.seen, altered).named != named).sum())
        figures[name] = counts[name] / len(named)
    worst = max(figures, key=lambda name: figures[name])
    return Outcome(
        "WARN" if figures[worst] > FLIPS_WARN else "PASS",
        f"Most findings change under {worst}: {counts[worst]} of {len(named)}. One training was looked at; "
        "how much another seed changes is not measured.",
        value=figures[worst],
        ci=statistics.wilson(counts[worst], len(named)),
        n=len(named),
        figures=figures,
    )


def _jpeg(square: Grey) -> Grey:
    pixels = np.rint(square * 255).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    return np.asarray(decoded, np.float32) / np.float32(255)


def _brighter(by: float) -> Change:
    return lambda square: np.clip(square + np.float32(by), 0, 1).astype(np.float32)


def _gamma(power: float) -> Change:
    return lambda square: np.power(np.clip(square, 0, 1), power).astype(np.float32)


def _moved(*, degrees: float = 0.0, right: float = 0.0, zoom: float = 1.0) -> Change:
    def move(square: Grey) -> Grey:
        side = square.shape[0]
        matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), degrees, zoom)
        matrix[0, 2] += right * side
        moved: Grey = cv2.warpAffine(
            square, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        return moved

    return move


def _noise(square: Grey) -> Grey:
    grain = np.random.default_rng(SEED).normal(0, NOISE, square.shape)
    return np.clip(square + grain, 0, 1).astype(np.float32)


CHANGES: Final[dict[str, Change]] = {
    "JPEG of quality 50": _jpeg,
    "10 % brighter": _brighter(0.1),
    "10 % darker": _brighter(-0.1),
    "gamma 0.8": _gamma(0.8),
    "gamma 1.25": _gamma(1.25),
    "5 degrees to the left": _moved(degrees=5),
    "5 degrees to the right": _moved(degrees=-5),
    "3 % to the right": _moved(right=0.03),
    "3 % to the left": _moved(right=-0.03),
    "95 % of the size": _moved(zoom=0.95),
    "105 % of the size": _moved(zoom=1.05),
    "noise of 5 grey values": _noise,
}
