"""Check F: whether pictures that are no upright chest radiograph are told from those that are (guide section 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np
from sklearn.metrics import roc_curve

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Floats
from ml.records import Explanation, Grey, OutOfDistribution
from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.evaluation_set import EvaluationSet

EACH: Final = 20  # pictures of each kind
SIDE: Final = 320
CAUGHT, FALSE_ALARMS = 0.95, 0.05
KNOWN_ALARMS: Final = 0.95
LINES: Final = ("Patient information", "Please bring this letter", "Ward 3, second floor", "Thank you")
MUST_BE_CAUGHT: Final = ("scenes", "documents", "noise", "turned by 90 degrees", "turned by 180 degrees")

Explain = Callable[[Grey], Explanation]


@check(
    "F",
    threshold="95 % of scenes, documents, noise, turned radiographs caught at 5 % false alarms PASS (*), else WARN",
)
def panel(examined: EvaluationSet, *, explain: Explain) -> Outcome:
    """Show 20 pictures of each kind; what stands for the radiographs of the test set are their own squares."""
    radiographs = [*examined.squares[:: max(1, len(examined.squares) // (2 * EACH))]]
    inside = _scores(radiographs, explain)
    false_alarms = float((inside > 1).mean())
    figures = {"false_alarms": false_alarms}
    shares: dict[str, float] = {}
    for kind, pictures in kinds(radiographs).items():
        outside = _scores(pictures, explain)
        shares[kind] = figures[f"{kind} caught"] = float((outside > 1).mean())
        both, truth = np.concatenate([outside, inside]), np.arange(len(outside) + len(inside)) < len(outside)
        figures[f"{kind} auroc"] = statistics.auroc(both, truth)
        figures[f"{kind} fpr95"] = alarms_at(both, truth)
    worst = min(MUST_BE_CAUGHT, key=lambda kind: shares[kind])
    status: Status = "PASS" if shares[worst] >= CAUGHT and false_alarms <= FALSE_ALARMS else "WARN"
    return Outcome(
        status,
        f"Worst caught: {worst}, {shares[worst]:.0%} of {EACH}; {false_alarms:.0%} of {len(radiographs)} radiographs of "
        "the test set are called unlike the training data too.",
        value=shares[worst],
        ci=statistics.wilson(round(shares[worst] * EACH), EACH),
        n=len(radiographs),
        figures=figures,
    )


def kinds(radiographs: Sequence[Grey]) -> dict[str, list[Grey]]:
    """Make the pictures of each kind, (SIDE, SIDE) or a radiograph's own size, 0 to 1; the same each time."""
    random = np.random.default_rng(SEED)
    some = [radiographs[k % len(radiographs)] for k in range(EACH)]
    return {
        "scenes": [_scene(random) for _ in range(EACH)],
        "documents": [_document(random) for _ in range(EACH)],
        "noise": [random.random((SIDE, SIDE), dtype=np.float32) for _ in range(EACH)],
        "turned by 90 degrees": [np.ascontiguousarray(np.rot90(radiograph)) for radiograph in some],
        "turned by 180 degrees": [np.ascontiguousarray(np.rot90(radiograph, 2)) for radiograph in some],
        "inverted": [(1 - radiograph).astype(np.float32) for radiograph in some],
    }


def alarms_at(scores: Floats, truth: statistics.Truth) -> float:
    """Return the share of radiographs called unlike where 95 % of the other pictures are caught."""
    false, found, _ = roc_curve(truth, scores)
    return float(false[np.searchsorted(found, KNOWN_ALARMS)])


def _scores(pictures: Sequence[Grey], explain: Explain) -> Floats:
    return np.array([_score(explain(picture).out_of_distribution) for picture in pictures])


def _score(out_of_distribution: OutOfDistribution | None) -> float:
    """Return the largest of the measures, as a multiple of its limit; from 1 on a radiograph counts as unlike."""
    if out_of_distribution is None:
        raise NotPossible("This version has nothing to compare a radiograph with.")
    energy = (
        out_of_distribution.energy.value - out_of_distribution.energy.limit + 1
    )  # a log, which may be below 0
    ratios = [one.value / one.limit for one in (out_of_distribution.knn, out_of_distribution.mahalanobis)]
    return float(max(*ratios, energy))


def _scene(random: np.random.Generator) -> Grey:
    """Draw what a photograph may hold: a sky that fades, a ground, houses and discs."""
    rows = np.linspace(random.uniform(0.5, 1), random.uniform(0.1, 0.5), SIDE, dtype=np.float32)
    scene = np.repeat(rows[:, None], SIDE, axis=1)
    for _ in range(int(random.integers(4, 12))):
        x, y = (int(value) for value in random.integers(0, SIDE, 2))
        width, height = (int(value) for value in random.integers(SIDE // 16, SIDE // 3, 2))
        grey = float(random.random())
        if random.random() < 0.5:
            cv2.rectangle(scene, (x, y), (x + width, y + height), grey, -1)
        else:
            cv2.circle(scene, (x, y), width // 2, grey, -1)
    return scene


def _document(random: np.random.Generator) -> Grey:
    page = np.full((SIDE, SIDE), random.integers(230, 256), np.uint8)  # OpenCV writes on 8 bits alone
    for top in range(24, SIDE, int(random.integers(18, 30))):
        words = LINES[int(random.integers(len(LINES)))]
        cv2.putText(page, words, (16, top), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 25, 1, cv2.LINE_AA)
    return page.astype(np.float32) / np.float32(255)
