"""Metrics of a network's predictions on labelled radiographs, with confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ml.datasets.class_order import sort_classes
from ml.datasets.exclusions import Exclusion
from ml.datasets.hashing import content_sha256
from ml.metrics import statistics
from ml.records import LabelledImage, Manifest

TARGET: Final = "covid-19"  # the finding by which two versions are compared
SEED: Final = 20260101  # of the resampling
SMALL_SAMPLE: Final = 500  # radiographs below which the calibration error has FEW_BINS
FEW_BINS, MANY_BINS = 10, 15


@dataclass(frozen=True)
class RadiographResult:
    """Prediction for one radiograph, without file name and patient."""

    radiograph: str  # SHA-256 of the file
    group: int  # number of the patient, valid within this evaluation only
    label: str
    finding: str
    logits: tuple[float, ...]  # in the order of Evaluation.classes
    probabilities: tuple[float, ...]
    source: str = ""  # of the radiograph: collection or site
    view: str = ""


@dataclass(frozen=True)
class Estimate:
    """A proportion or an area from 0 to 1 with its 95 % interval and sample size."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class ClassMetrics:
    """Metrics of one class against all others."""

    radiographs: int
    patients: int
    sensitivity: Estimate  # of the predicted finding, the class of the highest probability
    specificity: Estimate
    flag_sensitivity: Estimate  # of the probability reaching the operating point
    flag_specificity: Estimate
    auroc: Estimate  # interval by resampling patients; NaN without radiographs of both kinds


@dataclass(frozen=True)
class Evaluation:
    """Predictions of one version for a set of radiographs, and the metrics computed from them."""

    version: str
    classes: tuple[str, ...]  # outputs of the network
    labels: tuple[str, ...]  # classes, and labels that the network does not know
    radiographs: int
    patients: int
    accuracy: Estimate
    per_class: dict[str, ClassMetrics]
    confusion: tuple[tuple[int, ...], ...]  # rows: label, columns: predicted finding; both as `labels`
    calibration_error: float
    brier: float
    log_loss: float
    rows: tuple[RadiographResult, ...]
    exclusions: tuple[Exclusion, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; undefined numbers are None, exclusions a count."""
        stored = asdict(self)
        stored["exclusions"] = len(self.exclusions)
        return json_values(stored)

    def summary(self) -> dict[str, Any]:
        """Return the metrics without the rows, as stored in a manifest."""
        return {name: value for name, value in self.to_json().items() if name != "rows"}

    def scores(self, label: str) -> NDArray[np.float64]:
        """Return the probability of a class for each radiograph, (n,); zeros for an unknown class."""
        if label not in self.classes:
            return np.zeros(self.radiographs)
        index = self.classes.index(label)
        return np.array([row.probabilities[index] for row in self.rows])

    def truth(self, label: str) -> NDArray[np.bool_]:
        """Return whether each radiograph has a label, (n,)."""
        return np.array([row.label == label for row in self.rows], dtype=bool)

    def predicted(self, label: str) -> NDArray[np.bool_]:
        """Return whether a class is the predicted finding of each radiograph, (n,)."""
        return np.array([row.finding == label for row in self.rows], dtype=bool)

    def groups(self) -> NDArray[np.int_]:
        """Return the patient number of each radiograph, (n,)."""
        return np.array([row.group for row in self.rows], dtype=np.int_)


def from_logits(
    manifest: Manifest,
    radiographs: Sequence[LabelledImage],
    logits: NDArray[np.float64],
    exclusions: Sequence[Exclusion] = (),
) -> Evaluation:
    """Compute all metrics from the logits (n, classes) of n radiographs."""
    rows = _rows(manifest, radiographs, logits)
    classes = manifest.architecture.classes
    labels = sort_classes({*classes, *(row.label for row in rows)})
    groups = np.array([row.group for row in rows])
    weights = statistics.patient_weights(groups, seed=SEED)
    correct = np.array([row.label == row.finding for row in rows])
    probabilities = np.array([row.probabilities for row in rows])
    one_hot = np.array([[row.label == name for name in classes] for row in rows], dtype=np.float64)
    return Evaluation(
        version=manifest.version,
        classes=classes,
        labels=labels,
        radiographs=len(rows),
        patients=len(set(groups.tolist())),
        accuracy=_proportion(correct, np.ones_like(correct)),
        per_class={label: _class_metrics(label, rows, manifest, weights) for label in labels},
        confusion=_confusion(rows, labels),
        calibration_error=statistics.calibration_error(
            probabilities.max(axis=1), correct, bins=FEW_BINS if len(rows) < SMALL_SAMPLE else MANY_BINS
        ),
        brier=statistics.brier(probabilities, one_hot),
        log_loss=_log_loss(probabilities, one_hot),
        rows=rows,
        exclusions=tuple(exclusions),
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
            finding=classes[int(row.argmax())],
            logits=tuple(scores.tolist()),
            probabilities=tuple(row.tolist()),
            source=radiograph.source,
            view=radiograph.view,
        )
        for radiograph, scores, row in zip(radiographs, logits, probabilities, strict=True)
    )


def _class_metrics(
    label: str, rows: Sequence[RadiographResult], manifest: Manifest, weights: NDArray[np.float64]
) -> ClassMetrics:
    classes = manifest.architecture.classes
    truth = np.array([row.label == label for row in rows])
    predicted = np.array([row.finding == label for row in rows])
    index = classes.index(label) if label in classes else None
    scores = np.array([0.0 if index is None else row.probabilities[index] for row in rows])
    point = manifest.operating_points.get(label, 0.5)
    flagged = scores >= point
    low, high = statistics.percentile_interval(statistics.weighted_auroc(scores, truth, weights))
    return ClassMetrics(
        radiographs=int(truth.sum()),
        patients=len({row.group for row in rows if row.label == label}),
        sensitivity=_proportion(predicted, truth),
        specificity=_proportion(~predicted, ~truth),
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


def _log_loss(probabilities: NDArray[np.float64], one_hot: NDArray[np.float64]) -> float:
    """Return the mean loss in nats over the radiographs whose label is a class of the network."""
    known = one_hot.any(axis=1)
    if not known.any():
        return float("nan")
    likelihoods = (probabilities[known] * one_hot[known]).sum(axis=1)
    return float(-np.log(np.maximum(likelihoods, 1e-15)).mean())


def json_values(value: Any) -> Any:
    """Return a copy that JSON can represent: NaN becomes None, tuples become lists."""
    if isinstance(value, dict):
        return {name: json_values(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_values(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
