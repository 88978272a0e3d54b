"""Check F: detection of images that are not upright chest radiographs (docs/trust.md)."""

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
from ml.trust import catalogue
from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.evaluation_set import EvaluationSet

PER_KIND: Final = 20  # images
SIDE: Final = 320
MIN_DETECTED, MAX_FALSE_ALARMS = 0.95, 0.05
SENSITIVITY: Final = 0.95  # at which the false alarm rate is measured
TEXT_LINES: Final = ("Patient information", "Please bring this letter", "Ward 3, second floor", "Thank you")
ROTATED_90, ROTATED_180 = "rotation by 90 degrees", "rotation by 180 degrees"
MUST_BE_DETECTED: Final = ("scenes", "documents", "noise", ROTATED_90, ROTATED_180)

Explain = Callable[[Grey], Explanation]


@check(
    catalogue.OUT_OF_DISTRIBUTION_PANEL,
    threshold="95 % of each kind but inverted images detected at 5 % false alarms PASS (*), else WARN",
)
def panel(test_set: EvaluationSet, *, explain: Explain) -> Outcome:
    """Measure the detection rate for 20 images of each kind and the false alarm rate of test radiographs."""
    radiographs = [*test_set.squares[:: max(1, len(test_set.squares) // (2 * PER_KIND))]]
    inside = _scores(radiographs, explain)
    false_alarms = float((inside > 1).mean())
    metrics = {"false_alarms": false_alarms}
    detected: dict[str, float] = {}
    for kind, images in panel_images(radiographs).items():
        outside = _scores(images, explain)
        detected[kind] = metrics[f"{kind} detected"] = float((outside > 1).mean())
        scores = np.concatenate([outside, inside])
        truth = np.arange(len(scores)) < len(outside)
        metrics[f"{kind} auroc"] = statistics.auroc(scores, truth)
        metrics[f"{kind} fpr95"] = false_alarm_rate(scores, truth)
    worst = min(MUST_BE_DETECTED, key=lambda kind: detected[kind])
    passed = detected[worst] >= MIN_DETECTED and false_alarms <= MAX_FALSE_ALARMS
    status: Status = "PASS" if passed else "WARN"
    return Outcome(
        status,
        f"Lowest detection rate: {worst}, {detected[worst]:.0%} of {PER_KIND} images. {false_alarms:.0%} of "
        f"{len(radiographs)} test radiographs are also reported as out of distribution.",
        value=detected[worst],
        ci=statistics.wilson(round(detected[worst] * PER_KIND), PER_KIND),
        n=len(radiographs),
        metrics=metrics,
    )


def panel_images(radiographs: Sequence[Grey]) -> dict[str, list[Grey]]:
    """Return the images of each kind, of values 0 to 1; the same images for the same radiographs."""
    random = np.random.default_rng(SEED)
    selected = [radiographs[index % len(radiographs)] for index in range(PER_KIND)]
    return {
        "scenes": [_scene(random) for _ in range(PER_KIND)],
        "documents": [_document(random) for _ in range(PER_KIND)],
        "noise": [random.random((SIDE, SIDE), dtype=np.float32) for _ in range(PER_KIND)],
        ROTATED_90: [np.ascontiguousarray(np.rot90(radiograph)) for radiograph in selected],
        ROTATED_180: [np.ascontiguousarray(np.rot90(radiograph, 2)) for radiograph in selected],
        "inverted": [(1 - radiograph).astype(np.float32) for radiograph in selected],
    }


def false_alarm_rate(scores: Floats, truth: statistics.Truth) -> float:
    """Return the false positive rate at a sensitivity of 95 %."""
    false_positive_rates, sensitivities, _ = roc_curve(truth, scores)
    return float(false_positive_rates[np.searchsorted(sensitivities, SENSITIVITY)])


def _scores(images: Sequence[Grey], explain: Explain) -> Floats:
    return np.array([_score(explain(image).out_of_distribution) for image in images])


def _score(out_of_distribution: OutOfDistribution | None) -> float:
    """Return the largest measure as a multiple of its limit; above 1 the image is out of distribution."""
    if out_of_distribution is None:
        raise NotPossible("This version has no reference for out-of-distribution detection.")
    measured = out_of_distribution
    energy = measured.energy.value - measured.energy.limit + 1  # a logarithm, possibly below 0
    ratios = [measure.value / measure.limit for measure in (measured.knn, measured.mahalanobis)]
    return float(max(*ratios, energy))


def _scene(random: np.random.Generator) -> Grey:
    """Draw a synthetic photograph: a gradient with rectangles and discs."""
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
    page = np.full((SIDE, SIDE), random.integers(230, 256), np.uint8)  # OpenCV draws text on 8 bits only
    for top in range(24, SIDE, int(random.integers(18, 30))):
        line = TEXT_LINES[int(random.integers(len(TEXT_LINES)))]
        cv2.putText(page, line, (16, top), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 25, 1, cv2.LINE_AA)
    return page.astype(np.float32) / np.float32(255)
