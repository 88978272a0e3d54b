"""Check B4: performance on a source that is held out of the training set (docs/trust.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.metrics import statistics
from ml.metrics.statistics import Floats, Interval
from ml.trust import catalogue, cross_validation
from ml.trust.check import NotPossible, Outcome, Status, check, interval_text
from ml.trust.dataset_scan import DatasetScan

MIN_PER_CLASS: Final = 10  # radiographs with and without the target
LOWER_FAIL: Final = 0.60
GAP_FAIL: Final = 0.15
INVERTED: Final = 0.40

Indices = NDArray[np.int_]
Retrain = Callable[
    [DatasetScan, Indices, Indices], Floats
]  # training set, test set: target scores of the latter


@check(
    catalogue.SOURCE_HELD_OUT,
    threshold="lower limit of the worst source's AUROC below 0.60 FAIL; gap above 0.15 FAIL",
)
def source_held_out(scan: DatasetScan, *, retrain: Retrain | None = None) -> Outcome:
    """Train without one source and test on it, for each source; `retrain` defaults to a thumbnail probe."""
    sources = eligible_sources(scan)
    if not sources:
        raise NotPossible(
            f"No source has {MIN_PER_CLASS} radiographs with {scan.target} and {MIN_PER_CLASS} without, so "
            "the performance on an unseen source cannot be measured."
        )
    aurocs = _aurocs_by_source(scan, sources, retrain or thumbnail_scores)
    if not aurocs:
        raise NotPossible("Without any one source, the training set has a single class.")
    cross_validated = _cross_validated_auroc(scan)
    worst = min(aurocs, key=lambda name: aurocs[name][0])
    value, ci = aurocs[worst]
    gap = cross_validated - value
    status: Status = "FAIL" if ci[0] < LOWER_FAIL or gap > GAP_FAIL else "PASS"
    note = " The ranking is inverted: inspect the scores by source." if value < INVERTED else ""
    return Outcome(
        status,
        f"Trained without {worst} and tested on it: AUROC {value:.3f} ({interval_text(ci)}). "
        f"Cross-validation by patient over all sources: {cross_validated:.3f}.{note}",
        value=value,
        ci=ci,
        n=int(sources[worst].sum()),
        metrics={"cross_validated": cross_validated, "gap": gap}
        | {f"auroc {name}": auroc for name, (auroc, _) in aurocs.items()},
    )


def eligible_sources(scan: DatasetScan) -> dict[str, NDArray[np.bool_]]:
    """Return the members of each source with at least ten radiographs with and ten without the target."""
    names = np.array([image.radiograph.source for image in scan.radiographs], dtype=np.str_)
    members = {name: np.array(names == name, dtype=bool) for name in sorted(set(names.tolist()) - {""})}
    return {
        name: of_source
        for name, of_source in members.items()
        if min((of_source & scan.truth).sum(), (of_source & ~scan.truth).sum()) >= MIN_PER_CLASS
    }


def thumbnail_scores(scan: DatasetScan, train: Indices, test: Indices) -> Floats:
    """Return target scores of the test set by a support vector machine on 32 x 32 thumbnails."""
    inputs = scan.full.reshape(len(scan.radiographs), -1)
    fold = cross_validation.reduce_dimensions(cross_validation.Fold(train, test, inputs[train], inputs[test]))
    scores: Floats = (
        cross_validation.thumbnail_classifier()
        .fit(fold.train_inputs, scan.truth[train])
        .decision_function(fold.test_inputs)
    )
    return scores


def _aurocs_by_source(
    scan: DatasetScan, sources: dict[str, NDArray[np.bool_]], retrain: Retrain
) -> dict[str, tuple[float, Interval]]:
    aurocs: dict[str, tuple[float, Interval]] = {}
    for name, members in sources.items():
        train, test = np.flatnonzero(~members), np.flatnonzero(members)
        if len(set(scan.truth[train].tolist())) < 2:
            continue
        scores = retrain(scan, train, test)
        aurocs[name] = cross_validation.auroc_with_interval(scores, scan.truth[test], scan.groups[test])
    return aurocs


def _cross_validated_auroc(scan: DatasetScan) -> float:
    indices = cross_validation.probe_indices(scan)
    truth, groups = scan.truth[indices], scan.groups[indices]
    folds = cross_validation.thumbnail_folds(scan.full[indices], truth, groups)
    scores = cross_validation.out_of_fold_scores(folds, cross_validation.thumbnail_classifier, truth)
    return statistics.auroc(scores, truth)
