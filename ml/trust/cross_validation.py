"""Small probes trained and tested so that no patient is on both sides, and what their scores are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Floats, Interval, Truth
from ml.trust.check import NotPossible
from ml.trust.dataset_scan import DatasetScan, Thumbnails

FOLDS: Final = 5
COMPONENTS: Final = 60
BLOCK: Final = 200  # resamples weighed at once

Inputs = NDArray[np.float32]
Groups = NDArray[np.int_]


@dataclass(frozen=True)
class Fold:
    """Radiographs learnt from and tested on, without a patient in common: their places and what is seen."""

    learnt: NDArray[np.int_]
    tested: NDArray[np.int_]
    learnt_inputs: Inputs
    tested_inputs: Inputs


def probe_radiographs(survey: DatasetScan, among: Truth | None = None) -> NDArray[np.int_]:
    """Return the places of the radiographs whose patient is known; raises NotPossible if five folds need more."""
    known = survey.known_patient
    if not known.any():
        raise NotPossible(
            "No radiograph says whose it is, so radiographs of one patient cannot be kept together."
        )
    places = np.flatnonzero(known if among is None else known & among)
    groups, truth = survey.groups[places], survey.truth[places]
    sides = {side: len(set(groups[truth == side].tolist())) for side in (True, False)}
    if min(sides.values()) < FOLDS:
        raise NotPossible(
            f"Five folds need {FOLDS} patients with {survey.target} and {FOLDS} without; "
            f"there are {sides[True]} and {sides[False]}."
        )
    return places


def parted(inputs: Inputs, labels: NDArray[Any], groups: Groups) -> tuple[Fold, ...]:
    """Part radiographs into five folds by patient, with about the same share of each label."""
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED).split(inputs, labels, groups)
    return tuple(Fold(learnt, tested, inputs[learnt], inputs[tested]) for learnt, tested in folds)


def thumbnail_folds(pictures: Thumbnails, labels: NDArray[Any], groups: Groups) -> tuple[Fold, ...]:
    """Part thumbnails likewise, and reduce each fold's to 60 principal components of those learnt from."""
    return tuple(reduced(fold) for fold in parted(pictures.reshape(len(pictures), -1), labels, groups))


def support_vectors() -> SVC:
    """Build what the guide's thumbnail probe separates with: RBF support vectors, C = 3."""
    return SVC(C=3, kernel="rbf")


def header_trees() -> ExtraTreesClassifier:
    """Build the guide's header probe: 400 extremely randomised trees with leaves of two."""
    return ExtraTreesClassifier(400, min_samples_leaf=2, random_state=SEED)


def scores(folds: Sequence[Fold], make: Callable[[], Any], truth: Truth) -> Floats:
    """Score each radiograph by a classifier that has not seen its patient."""
    found = np.empty(len(truth))
    for fold in folds:
        fitted = _fitted(fold, make, truth)
        decide = getattr(fitted, "decision_function", None)
        rows = fold.tested_inputs
        found[fold.tested] = decide(rows) if decide else fitted.predict_proba(rows)[:, 1]
    return found


def answers(folds: Sequence[Fold], make: Callable[[], Any], labels: NDArray[np.str_]) -> NDArray[np.str_]:
    """Name each radiograph's label by a classifier that has not seen its patient."""
    found = np.empty_like(labels)
    for fold in folds:
        found[fold.tested] = _fitted(fold, make, labels).predict(fold.tested_inputs)
    return found


def resampled_areas(found: Floats, truth: Truth, groups: Groups) -> Floats:
    """Return the area under the ROC curve in each resample of patients; the same patients draw the same."""
    _, numbers = np.unique(groups, return_inverse=True)
    weights = statistics.patient_weights(numbers, seed=SEED)
    blocks = [weights[start : start + BLOCK] for start in range(0, len(weights), BLOCK)]
    return np.concatenate([statistics.weighted_auroc(found, truth, block) for block in blocks])


def area(found: Floats, truth: Truth, groups: Groups) -> tuple[float, Interval]:
    """Return the area under the ROC curve and its interval by resampling patients."""
    interval = statistics.percentile_interval(resampled_areas(found, truth, groups))
    return statistics.auroc(found, truth), interval


def reduced(fold: Fold) -> Fold:
    """Reduce both sides to 60 principal components of the one learnt from."""
    components = min(COMPONENTS, len(fold.learnt))
    reduce = make_pipeline(StandardScaler(), PCA(components, svd_solver="randomized", random_state=SEED)).fit(
        fold.learnt_inputs
    )
    learnt, tested = (reduce.transform(rows) for rows in (fold.learnt_inputs, fold.tested_inputs))
    return replace(fold, learnt_inputs=learnt, tested_inputs=tested)


def _fitted(fold: Fold, make: Callable[[], Any], labels: NDArray[Any]) -> Any:
    if len(np.unique(labels[fold.learnt])) < 2:
        raise NotPossible("Nearly all radiographs of one finding belong to the same patient.")
    return make().fit(fold.learnt_inputs, labels[fold.learnt])
