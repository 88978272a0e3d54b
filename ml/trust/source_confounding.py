"""Checks A5 and A6: how far a radiograph's source, or its file alone, gives its label away (guide section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.datasets.patient_split import in_order
from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Interval
from ml.trust import association, cross_validation
from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.dataset_scan import DatasetScan, Header

FEW_UNKNOWN: Final = 0.05
LEAST_MIXED: Final = 0.5
SOURCE_MARGIN: Final = 0.05
STRONG_ASSOCIATION: Final = 0.3
HEADER_FAIL, HEADER_WARN = 0.70, 0.60


@check(
    "A5",
    blocking=True,
    threshold="mixed-source share below 0.5, or source-only balanced accuracy at least the model's - 0.05 "
    "FAIL (*); Cramér's V above 0.3 WARN (*)",
)
def source_confounding(survey: DatasetScan, *, model_balanced_accuracy: float | None = None) -> Outcome:
    """Measure how far a radiograph's source gives its label away."""
    places = np.array([k for k, one in enumerate(survey.radiographs) if one.radiograph.source], dtype=np.int_)
    unknown = 1 - len(places) / len(survey.radiographs)
    labels = survey.labels[places].tolist()
    if survey.target not in labels or len(set(labels)) < 2:
        raise NotPossible(
            f"Radiographs with {survey.target} and radiographs without must both name their source."
        )
    sources = [survey.radiographs[place].radiograph.source for place in places]
    cells, table = association.label_by_source(labels, sources)
    v = float(association.cramers_v(table))
    guess = association.source_only_balanced_accuracy(table)
    mixed = association.mixed_source_share(table, in_order(labels).index(survey.target))
    near = model_balanced_accuracy is not None and guess >= model_balanced_accuracy - SOURCE_MARGIN
    doubtful = v > STRONG_ASSOCIATION or unknown > FEW_UNKNOWN
    status: Status = "FAIL" if mixed < LEAST_MIXED or near else "WARN" if doubtful else "PASS"
    return Outcome(
        status,
        _source_words(survey.target, v, guess, mixed, model_balanced_accuracy, unknown),
        value=v,
        ci=_association_interval(survey, places, cells, (len(table), table.shape[1])),
        n=len(places),
        figures={
            "cramers_v": v,
            "source_only_balanced_accuracy": guess,
            "mixed_source_share": mixed,
            "share_without_source": unknown,
        },
    )


@check("A6", blocking=True, threshold="lower limit of the AUROC above 0.70 FAIL, above 0.60 WARN (*)")
def header_probe(survey: DatasetScan) -> Outcome:
    """Try to tell the target from file headers alone, without looking at the picture."""
    places = cross_validation.probe_radiographs(survey)
    inputs = _header_table([survey.radiographs[place].header for place in places])
    truth, groups = survey.truth[places], survey.groups[places]
    found = cross_validation.scores(
        cross_validation.parted(inputs, truth, groups), cross_validation.header_trees, truth
    )
    value, ci = cross_validation.area(found, truth, groups)
    status: Status = "FAIL" if ci[0] > HEADER_FAIL else "WARN" if ci[0] > HEADER_WARN else "PASS"
    return Outcome(
        status,
        f"Size, format and mean grey of the files alone tell {survey.target} with AUROC {value:.3f} "
        f"({ci[0]:.3f} to {ci[1]:.3f}).",
        value=value,
        ci=ci,
        n=len(places),
    )


def _association_interval(
    survey: DatasetScan, places: NDArray[np.int_], cells: NDArray[np.int_], shape: tuple[int, int]
) -> Interval | None:
    if not survey.known_patient.any():
        return None
    _, patients = np.unique(survey.groups[places], return_inverse=True)
    weights = statistics.patient_weights(patients, seed=SEED)
    tables = weights @ np.eye(shape[0] * shape[1])[cells]
    return statistics.percentile_interval(association.cramers_v(tables.reshape(-1, *shape)))


def _source_words(
    target: str, v: float, guess: float, mixed: float, model: float | None, unknown: float
) -> str:
    beside = "" if model is None else f", the model's is {model:.3f}"
    missing = f" The source is unknown for {unknown:.0%} of the radiographs." if unknown else ""
    return (
        f"Label and source go together with Cramér's V {v:.2f} (1 is the same thing twice). Naming the usual "
        f"label of each source has a balanced accuracy of {guess:.3f}{beside}. {mixed:.0%} of the radiographs with "
        f"{target} come from sources that also hold others.{missing}"
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
