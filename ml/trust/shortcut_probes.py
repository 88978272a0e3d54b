"""Checks B1, B2, B5 and B6: probes on thumbnails of the border, without lungs, and whole (docs/trust.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Floats, Interval, Truth
from ml.trust import catalogue, cross_validation
from ml.trust.check import NotPossible, Outcome, Status, check, interval_text
from ml.trust.dataset_scan import DatasetScan, Thumbnails

BORDER_FAIL, BORDER_WARN = 0.80, 0.65
RATIO_FAIL, RATIO_WARN = 0.8, 0.5
CHANCE: Final = 0.5
LEAK: Final = 0.03
PERMUTATIONS: Final = 20
GAIN: Final = 0.02
NORMAL: Final = "normal"


@check(catalogue.BORDER_PROBE, threshold="lower limit of the AUROC above 0.80 FAIL, above 0.65 WARN (*)")
def border_probe(scan: DatasetScan) -> Outcome:
    """Measure the AUROC of a probe that receives only the image border."""
    scored = border_scores(scan)
    indices = scored.indices
    value, ci = cross_validation.auroc_with_interval(scored.scores, scan.truth[indices], scan.groups[indices])
    status: Status = "FAIL" if ci[0] > BORDER_FAIL else "WARN" if ci[0] > BORDER_WARN else "PASS"
    return Outcome(
        status,
        f"The image border alone, with everything else black, predicts {scan.target} with AUROC {value:.3f} "
        f"({interval_text(ci)}).",
        value=value,
        ci=ci,
        n=len(indices),
    )


def border_scores(scan: DatasetScan) -> cross_validation.ScoredRadiographs:
    """Return the scores of the probe that receives only the image border; raises NotPossible."""
    indices = cross_validation.probe_indices(scan)
    scores = _probe_scores(scan.border[indices], scan.truth[indices], scan.groups[indices])
    return cross_validation.ScoredRadiographs(indices, scores)


@check(catalogue.NO_LUNG_RATIO, threshold="ratio of at least 0.8 FAIL, of at least 0.5 WARN (*)")
def no_lung_ratio(scan: DatasetScan) -> Outcome:
    """Measure the share of a thumbnail probe's AUROC above chance that remains with masked lungs."""
    indices = cross_validation.probe_indices(scan)
    truth, groups = scan.truth[indices], scan.groups[indices]
    both = [_probe_scores(images[indices], truth, groups) for images in (scan.full, scan.lungs_masked)]
    full, masked = (statistics.auroc(scores, truth) for scores in both)
    resamples = [cross_validation.resampled_aurocs(scores, truth, groups) for scores in both]
    if not statistics.percentile_interval(resamples[0])[0] > CHANCE:
        raise NotPossible(f"A full thumbnail does not predict {scan.target} either (AUROC {full:.3f}).")
    ratio = (masked - CHANCE) / (full - CHANCE)
    excess = resamples[0] - CHANCE
    ratios = np.divide(resamples[1] - CHANCE, excess, out=np.full_like(excess, np.nan), where=excess > 0)
    status: Status = "FAIL" if ratio >= RATIO_FAIL else "WARN" if ratio >= RATIO_WARN else "PASS"
    return Outcome(
        status,
        f"A thumbnail with masked lungs predicts {scan.target} with AUROC {masked:.3f}, a full thumbnail "
        f"with {full:.3f}: {ratio:.0%} of the AUROC above chance remains without lungs.",
        value=ratio,
        ci=statistics.percentile_interval(ratios),
        n=len(indices),
        metrics={"auroc_full": full, "auroc_lungs_masked": masked},
    )


@check(catalogue.PERMUTED_LABELS, threshold="mean AUROC of 20 permutations outside 0.5 +- 0.03 FAIL")
def permuted_labels(scan: DatasetScan) -> Outcome:
    """Measure the AUROC of the probe on permuted labels; it is 0.5 unless the pipeline leaks."""
    indices = cross_validation.probe_indices(scan)
    truth, groups = scan.truth[indices], scan.groups[indices]
    folds = cross_validation.thumbnail_folds(scan.full[indices], truth, groups)
    random = np.random.default_rng(SEED)
    aurocs = [_probe_auroc(folds, _permuted(truth, folds, random)) for _ in range(PERMUTATIONS)]
    mean, deviation = float(np.mean(aurocs)), float(np.std(aurocs, ddof=1))
    return Outcome(
        "FAIL" if abs(mean - CHANCE) > LEAK else "PASS",
        f"With permuted labels the probe has a mean AUROC of {mean:.3f} over {PERMUTATIONS} permutations; a "
        "pipeline without leakage has 0.5.",
        value=mean,
        n=len(indices),
        metrics={"standard_deviation": deviation},
    )


@check(
    catalogue.THUMBNAIL_BASELINE,
    threshold="the network's accuracy at most 2 percentage points above the thumbnail's WARN (*)",
)
def thumbnail_baseline(scan: DatasetScan, *, model_accuracy: float | None = None) -> Outcome:
    """Compare the accuracy of a probe on 32 x 32 thumbnails with that of the network."""
    indices = cross_validation.probe_indices(scan, _labels_of_enough_patients(scan))
    value, ci = _probe_accuracy(scan, indices)
    metrics = {"accuracy": value}
    summary = f"A probe on 32 x 32 thumbnails has an accuracy of {value:.1%}"
    if NORMAL in scan.labels[indices] and scan.target != NORMAL:
        pair = cross_validation.probe_indices(scan, np.isin(scan.labels, (scan.target, NORMAL)))
        metrics["accuracy_against_normal"] = _probe_accuracy(scan, pair)[0]
        summary += f", and of {metrics['accuracy_against_normal']:.1%} for {scan.target} against normal only"
    if model_accuracy is None:
        summary += ". No network was given for comparison."
        return Outcome("NOT_POSSIBLE", summary, value, ci, len(indices), metrics)
    gain = model_accuracy - value
    status: Status = "WARN" if gain <= GAIN else "PASS"
    summary += f". The network has {model_accuracy:.1%}: {100 * gain:+.1f} percentage points."
    return Outcome(status, summary, value, ci, len(indices), {**metrics, "model_accuracy": model_accuracy})


def _probe_scores(thumbnails: Thumbnails, truth: Truth, groups: cross_validation.Groups) -> Floats:
    folds = cross_validation.thumbnail_folds(thumbnails, truth, groups)
    return cross_validation.out_of_fold_scores(folds, cross_validation.thumbnail_classifier, truth)


def _probe_auroc(folds: Sequence[cross_validation.Fold], truth: Truth) -> float:
    scores = cross_validation.out_of_fold_scores(folds, cross_validation.thumbnail_classifier, truth)
    return statistics.auroc(scores, truth)


def _permuted(truth: Truth, folds: Sequence[cross_validation.Fold], random: np.random.Generator) -> Truth:
    # Within folds: otherwise the prevalence differs between folds, and the mean AUROC of 60 images is 0.476.
    permuted = truth.copy()
    for fold in folds:
        permuted[fold.test] = random.permutation(truth[fold.test])
    return permuted


def _labels_of_enough_patients(scan: DatasetScan) -> Truth:
    """Return whether each radiograph's label has at least as many patients as there are folds."""
    labels = scan.labels
    rare = [
        name
        for name in set(labels.tolist())
        if len(set(scan.groups[labels == name].tolist())) < cross_validation.FOLDS
    ]
    return np.array(~np.isin(labels, rare), dtype=bool)


def _probe_accuracy(scan: DatasetScan, indices: NDArray[np.int_]) -> tuple[float, Interval]:
    labels, groups = scan.labels[indices], scan.groups[indices]
    folds = cross_validation.thumbnail_folds(scan.full[indices], labels, groups)
    predicted = cross_validation.out_of_fold_labels(folds, cross_validation.thumbnail_classifier, labels)
    correct = (predicted == labels).astype(np.float64)
    _, patients = np.unique(groups, return_inverse=True)
    weights = statistics.patient_weights(patients, seed=SEED)
    interval = statistics.percentile_interval(weights @ correct / weights.sum(axis=1))
    return float(correct.mean()), interval
