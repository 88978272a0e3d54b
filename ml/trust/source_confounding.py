"""Checks A5 and A6: how well the source, or the file header alone, predicts the label (docs/trust.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.datasets.class_order import sort_classes
from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Interval
from ml.trust import association, catalogue, cross_validation
from ml.trust.check import NotPossible, Outcome, Status, check, interval_text
from ml.trust.dataset_scan import DatasetScan, Header

FileTags = Mapping[Path, tuple[str, ...]]  # the same properties in the same order for every file

MAX_UNKNOWN: Final = 0.05
MIN_MIXED: Final = 0.5
SOURCE_MARGIN: Final = 0.05
STRONG_ASSOCIATION: Final = 0.3
HEADER_FAIL, HEADER_WARN = 0.70, 0.60
NO_TAGS: Final[FileTags] = MappingProxyType({})


@check(
    catalogue.SOURCE_CONFOUNDING,
    threshold="mixed-source share below 0.5, or source-only balanced accuracy at least the model's - 0.05 "
    "FAIL (*); Cramér's V above 0.3 WARN (*)",
)
def source_confounding(scan: DatasetScan, *, model_balanced_accuracy: float | None = None) -> Outcome:
    """Measure the association between source and label."""
    indices = np.array(
        [index for index, image in enumerate(scan.radiographs) if image.radiograph.source], dtype=np.int_
    )
    labels = scan.labels[indices].tolist()
    if scan.target not in labels or len(set(labels)) < 2:
        raise NotPossible(
            f"The source must be known for radiographs with {scan.target} and for radiographs without it."
        )
    sources = [scan.radiographs[index].radiograph.source for index in indices]
    cells, table = association.label_by_source(labels, sources)
    metrics = {
        "cramers_v": float(association.cramers_v(table)),
        "source_only_balanced_accuracy": association.source_only_balanced_accuracy(table),
        "mixed_source_share": association.mixed_source_share(table, sort_classes(labels).index(scan.target)),
        "share_without_source": 1 - len(indices) / len(scan.radiographs),
    }
    return Outcome(
        _confounding_status(metrics, model_balanced_accuracy),
        _confounding_summary(scan.target, metrics, model_balanced_accuracy),
        value=metrics["cramers_v"],
        ci=_association_interval(scan, indices, cells, (len(table), table.shape[1])),
        n=len(indices),
        metrics=metrics,
    )


@check(catalogue.HEADER_PROBE, threshold="lower limit of the AUROC above 0.70 FAIL, above 0.60 WARN (*)")
def header_probe(scan: DatasetScan, *, tags: FileTags = NO_TAGS) -> Outcome:
    """Measure the AUROC of a probe that receives only file properties and the mean grey value."""
    scored = header_scores(scan, tags=tags)
    indices = scored.indices
    value, ci = cross_validation.auroc_with_interval(scored.scores, scan.truth[indices], scan.groups[indices])
    status: Status = "FAIL" if ci[0] > HEADER_FAIL else "WARN" if ci[0] > HEADER_WARN else "PASS"
    return Outcome(
        status,
        f"File size, format and mean grey value alone predict {scan.target} with AUROC {value:.3f} "
        f"({interval_text(ci)}).",
        value=value,
        ci=ci,
        n=len(indices),
    )


def header_scores(scan: DatasetScan, *, tags: FileTags = NO_TAGS) -> cross_validation.ScoredRadiographs:
    """Return the scores of the header probe; `tags` adds properties of the files. Raises NotPossible."""
    indices = cross_validation.probe_indices(scan)
    images = [scan.radiographs[index] for index in indices]
    inputs = np.hstack(
        [
            _header_table([image.header for image in images]),
            _tag_table([tags.get(image.radiograph.path, ()) for image in images]),
        ]
    )
    truth, groups = scan.truth[indices], scan.groups[indices]
    folds = cross_validation.patient_folds(inputs, truth, groups)
    scores = cross_validation.out_of_fold_scores(folds, cross_validation.header_classifier, truth)
    return cross_validation.ScoredRadiographs(indices, scores)


def _association_interval(
    scan: DatasetScan, indices: NDArray[np.int_], cells: NDArray[np.int_], shape: tuple[int, int]
) -> Interval | None:
    if not scan.known_patient.any():
        return None
    _, patients = np.unique(scan.groups[indices], return_inverse=True)
    weights = statistics.patient_weights(patients, seed=SEED)
    tables = weights @ np.eye(shape[0] * shape[1])[cells]
    return statistics.percentile_interval(association.cramers_v(tables.reshape(-1, *shape)))


def _confounding_status(metrics: dict[str, float], model_balanced_accuracy: float | None) -> Status:
    no_better_than_source = (
        model_balanced_accuracy is not None
        and metrics["source_only_balanced_accuracy"] >= model_balanced_accuracy - SOURCE_MARGIN
    )
    if metrics["mixed_source_share"] < MIN_MIXED or no_better_than_source:
        return "FAIL"
    associated = metrics["cramers_v"] > STRONG_ASSOCIATION
    return "WARN" if associated or metrics["share_without_source"] > MAX_UNKNOWN else "PASS"


def _confounding_summary(target: str, metrics: dict[str, float], model: float | None) -> str:
    model_text = "" if model is None else f"; the model reaches {model:.3f}"
    unknown = metrics["share_without_source"]
    unknown_text = f" The source is unknown for {unknown:.0%} of the radiographs." if unknown else ""
    return (
        f"Cramér's V of label and source is {metrics['cramers_v']:.2f} (1 is complete association). "
        "Predicting the most frequent label of each source reaches a balanced accuracy of "
        f"{metrics['source_only_balanced_accuracy']:.3f}{model_text}. {metrics['mixed_source_share']:.0%} "
        f"of the radiographs with {target} come from sources that also hold other labels.{unknown_text}"
    )


def _header_table(headers: Sequence[Header]) -> NDArray[np.float32]:
    modes, formats = (sorted({getattr(h, name) for h in headers}) for name in ("mode", "format"))
    rows = [
        (
            h.width,
            h.height,
            h.width / h.height,
            modes.index(h.mode),
            formats.index(h.format),
            h.bits,
            h.bytes / (h.width * h.height),
            h.mean,
        )
        for h in headers
    ]
    return np.array(rows, dtype=np.float32)


def _tag_table(rows: Sequence[tuple[str, ...]]) -> NDArray[np.float32]:
    """Number the values of each property by their frequency, so that equal values are equal numbers."""
    width = max(map(len, rows), default=0)
    padded = [row + ("",) * (width - len(row)) for row in rows]
    columns = [[value for value, _ in Counter(column).most_common()] for column in zip(*padded, strict=True)]
    table = [[columns[index].index(value) for index, value in enumerate(row)] for row in padded]
    return np.array(table, dtype=np.float32).reshape(len(rows), width)
