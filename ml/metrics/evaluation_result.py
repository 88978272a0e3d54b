"""What a network's answers on radiographs with a known finding come to: figures with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ml.datasets.hashing import content_sha256
from ml.datasets.patient_split import Exclusion, in_order
from ml.metrics import statistics
from ml.records import LabelledImage, Manifest

TARGET: Final = "covid-19"  # the finding that decides between two versions
SEED: Final = 20260101  # of the resampling
SMALL_SAMPLE: Final = 500  # radiographs below which calibration is measured in fewer bins
FEW_BINS, MANY_BINS = 10, 15


@dataclass(frozen=True)
class RadiographResult:
    """What the network said of one radiograph; no name, no patient reference."""

    radiograph: str  # SHA-256 of the file
    group: int  # radiographs of one patient share a number; numbers mean nothing outside this evaluation
    label: str
    finding: str
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Estimate:
    """A measured value with its 95 % interval and what it was measured on."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class ClassMetrics:
    """How one class is told from all others."""

    radiographs: int
    patients: int
    sensitivity: Estimate  # of the finding named, which is the class of the highest probability
    specificity: Estimate
    flag_sensitivity: Estimate  # of the flag raised from the operating point on
    flag_specificity: Estimate
    auroc: Estimate  # interval by resampling patients; NaN where one side has no radiograph


@dataclass(frozen=True)
class Evaluation:
    """One version's answers on one set of radiographs, and the figures that follow from them."""

    version: str
    classes: tuple[str, ...]  # that the network can name
    labels: tuple[str, ...]  # rows and columns of the confusion matrix
    radiographs: int
    patients: int
    accuracy: Estimate
    per_class: dict[str, ClassMetrics]
    confusion: tuple[tuple[int, ...], ...]  # rows: known finding, columns: named finding
    calibration_error: float
    brier: float
    log_loss: float
    rows: tuple[RadiographResult, ...]
    left_out: tuple[Exclusion, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values; undefined numbers are None and radiographs left out are only counted."""
        stored = asdict(self)
        stored["left_out"] = len(self.left_out)
        return plain(stored)

    def summary(self) -> dict[str, Any]:
        """Return the figures without the rows, for a manifest."""
        return {name: value for name, value in self.to_json().items() if name != "rows"}

    def scores(self, label: str) -> NDArray[np.float64]:
        """Return each radiograph's probability of a class; zeros for one the network cannot name."""
        if label not in self.classes:
            return np.zeros(self.radiographs)
        place = self.classes.index(label)
        return np.array([row.probabilities[place] for row in self.rows])

    def truth(self, label: str) -> NDArray[np.bool_]:
        """Return whether each radiograph is known to show a class."""
        return np.array([row.label == label for row in self.rows], dtype=bool)

    def named(self, label: str) -> NDArray[np.bool_]:
        """Return whether the network named the class for each radiograph."""
        return np.array([row.finding == label for row in self.rows], dtype=bool)

    def groups(self) -> NDArray[np.int_]:
        """Return each radiograph's patient number."""
        return np.array([row.group for row in self.rows], dtype=np.int_)


def from_logits(
    manifest: Manifest,
    radiographs: Sequence[LabelledImage],
    logits: NDArray[np.float64],
    left_out: Sequence[Exclusion] = (),
) -> Evaluation:
    """Work out all figures from (radiographs, classes) logits."""
    rows = _rows(manifest, radiographs, logits)
    classes = manifest.architecture.classes
    labels = in_order({*classes, *(row.label for row in rows)})
    groups = np.array([row.group for row in rows])
    weights = statistics.patient_weights(groups, seed=SEED)
    right = np.array([row.label == row.finding for row in rows])
    probabilities = np.array([row.probabilities for row in rows])
    known = np.array([[row.label == name for name in classes] for row in rows], dtype=np.float64)
    return Evaluation(
        version=manifest.version,
        classes=classes,
        labels=labels,
        radiographs=len(rows),
        patients=len(set(groups.tolist())),
        accuracy=_proportion(right, np.ones_like(right)),
        per_class={label: _class_figures(label, rows, manifest, weights) for label in labels},
        confusion=_confusion(rows, labels),
        calibration_error=statistics.calibration_error(
            probabilities.max(axis=1), right, bins=FEW_BINS if len(rows) < SMALL_SAMPLE else MANY_BINS
        ),
        brier=statistics.brier(probabilities, known),
        log_loss=_log_loss(probabilities, known),
        rows=rows,
        left_out=tuple(left_out),
    )


def _rows(
    manifest: Manifest, radiographs: Sequence[LabelledImage], logits: NDArray[np.float64]
) -> tuple[RadiographResult, ...]:
    classes = manifest.architecture.classes
    numbers = {
        name: number
        for number, name in enumerate(dict.fromkeys(radiograph.patient for radiograph in radiographs))
    }
    probabilities = softmax(logits / manifest.temperature, axis=1)
    return tuple(
        RadiographResult(
            radiograph=content_sha256(radiograph.path),
            group=numbers[radiograph.patient],
            label=radiograph.label,
            finding=classes[int(chances.argmax())],
            logits=tuple(scores.tolist()),
            probabilities=tuple(chances.tolist()),
        )
        for radiograph, scores, chances in zip(radiographs, logits, probabilities, strict=True)
    )


def _class_figures(
    label: str, rows: Sequence[RadiographResult], manifest: Manifest, weights: NDArray[np.float64]
) -> ClassMetrics:
    classes = manifest.architecture.classes
    truth = np.array([row.label == label for row in rows])
    named = np.array([row.finding == label for row in rows])
    place = classes.index(label) if label in classes else None
    scores = np.array([0.0 if place is None else row.probabilities[place] for row in rows])
    point = manifest.operating_points.get(label, 0.5)
    flagged = scores >= point
    low, high = statistics.percentile_interval(statistics.weighted_auroc(scores, truth, weights))
    return ClassMetrics(
        radiographs=int(truth.sum()),
        patients=len({row.group for row in rows if row.label == label}),
        sensitivity=_proportion(named, truth),
        specificity=_proportion(~named, ~truth),
        flag_sensitivity=_proportion(flagged, truth),
        flag_specificity=_proportion(~flagged, ~truth),
        auroc=Estimate(statistics.auroc(scores, truth), low, high, len(rows)),
    )


def _proportion(counted: NDArray[np.bool_], among: NDArray[np.bool_]) -> Estimate:
    trials, successes = int(among.sum()), int((counted & among).sum())
    low, high = statistics.wilson(successes, trials)
    return Estimate(successes / trials if trials else float("nan"), low, high, trials)


def _confusion(rows: Sequence[RadiographResult], labels: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    for row in rows:
        counts[labels.index(row.label), labels.index(row.finding)] += 1
    return tuple(tuple(line) for line in counts.tolist())


def _log_loss(probabilities: NDArray[np.float64], known: NDArray[np.float64]) -> float:
    """Return the mean loss in nats over the radiographs whose finding the network can name."""
    nameable = known.any(axis=1)
    if not nameable.any():
        return float("nan")
    chosen = (probabilities[nameable] * known[nameable]).sum(axis=1)
    return float(-np.log(np.maximum(chosen, 1e-15)).mean())


def plain(value: Any) -> Any:
    """Return what JSON can hold: NaN becomes None, tuples become lists."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
