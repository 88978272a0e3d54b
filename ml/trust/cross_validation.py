"""Cross-validation of small probe classifiers, grouped by patient, and the AUROC of their scores."""

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
BLOCK: Final = 200  # resamples weighted at once

Inputs = NDArray[np.float32]
Groups = NDArray[np.int_]


@dataclass(frozen=True)
class Fold:
    """Indices and inputs of a training and a test set without a patient in common."""

    train: NDArray[np.int_]
    test: NDArray[np.int_]
    train_inputs: Inputs
    test_inputs: Inputs


@dataclass(frozen=True)
class ScoredRadiographs:
    """The out-of-fold score of each radiograph that a probe could use."""

    indices: NDArray[np.int_]
    scores: Floats


def probe_indices(scan: DatasetScan, among: Truth | None = None) -> NDArray[np.int_]:
    """Return the indices of radiographs with a known patient; raises NotPossible if they are too few."""
    known = scan.known_patient
    if not known.any():
        raise NotPossible("No radiograph names its patient, so a split by patient cannot be made.")
    indices = np.flatnonzero(known if among is None else known & among)
    groups, truth = scan.groups[indices], scan.truth[indices]
    patients = {side: len(set(groups[truth == side].tolist())) for side in (True, False)}
    if min(patients.values()) < FOLDS:
        raise NotPossible(
            f"Five folds need {FOLDS} patients with {scan.target} and {FOLDS} without; "
            f"there are {patients[True]} and {patients[False]}."
        )
    return indices


def patient_folds(inputs: Inputs, labels: NDArray[Any], groups: Groups) -> tuple[Fold, ...]:
    """Split radiographs into five folds by patient, stratified by label."""
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED).split(inputs, labels, groups)
    return tuple(Fold(train, test, inputs[train], inputs[test]) for train, test in folds)


def thumbnail_folds(thumbnails: Thumbnails, labels: NDArray[Any], groups: Groups) -> tuple[Fold, ...]:
    """Split thumbnails by patient and reduce each fold to 60 principal components of its training set."""
    inputs = thumbnails.reshape(len(thumbnails), -1)
    return tuple(reduce_dimensions(fold) for fold in patient_folds(inputs, labels, groups))


def thumbnail_classifier() -> SVC:
    """Return the classifier of the thumbnail probes: a support vector machine with RBF kernel, C = 3."""
    return SVC(C=3, kernel="rbf")


def header_classifier() -> ExtraTreesClassifier:
    """Return the classifier of the header probe: 400 extremely randomised trees, two samples a leaf."""
    return ExtraTreesClassifier(400, min_samples_leaf=2, random_state=SEED)


def out_of_fold_scores(folds: Sequence[Fold], make: Callable[[], Any], truth: Truth) -> Floats:
    """Return each radiograph's score by a classifier trained without its patient."""
    scores = np.empty(len(truth))
    for fold in folds:
        classifier = _fitted(fold, make, truth)
        decide = getattr(classifier, "decision_function", None)
        inputs = fold.test_inputs
        scores[fold.test] = decide(inputs) if decide else classifier.predict_proba(inputs)[:, 1]
    return scores


def out_of_fold_labels(
    folds: Sequence[Fold], make: Callable[[], Any], labels: NDArray[np.str_]
) -> NDArray[np.str_]:
    """Return each radiograph's label predicted by a classifier trained without its patient."""
    predicted = np.empty_like(labels)
    for fold in folds:
        predicted[fold.test] = _fitted(fold, make, labels).predict(fold.test_inputs)
    return predicted


def resampled_aurocs(scores: Floats, truth: Truth, groups: Groups) -> Floats:
    """Return the AUROC of each bootstrap resample of patients; equal groups give equal resamples."""
    _, numbers = np.unique(groups, return_inverse=True)
    weights = statistics.patient_weights(numbers, seed=SEED)
    blocks = [weights[start : start + BLOCK] for start in range(0, len(weights), BLOCK)]
    return np.concatenate([statistics.weighted_auroc(scores, truth, block) for block in blocks])


def auroc_with_interval(scores: Floats, truth: Truth, groups: Groups) -> tuple[float, Interval]:
    """Return the AUROC and its 95 % interval by resampling patients."""
    interval = statistics.percentile_interval(resampled_aurocs(scores, truth, groups))
    return statistics.auroc(scores, truth), interval


def reduce_dimensions(fold: Fold) -> Fold:
    """Project both sets onto 60 principal components of the training set."""
    components = min(COMPONENTS, len(fold.train))
    reduction = make_pipeline(
        StandardScaler(), PCA(components, svd_solver="randomized", random_state=SEED)
    ).fit(fold.train_inputs)
    train, test = (reduction.transform(inputs) for inputs in (fold.train_inputs, fold.test_inputs))
    return replace(fold, train_inputs=train, test_inputs=test)


def _fitted(fold: Fold, make: Callable[[], Any], labels: NDArray[Any]) -> Any:
    if len(np.unique(labels[fold.train])) < 2:
        raise NotPossible("Nearly all radiographs of one finding belong to the same patient.")
    return make().fit(fold.train_inputs, labels[fold.train])
