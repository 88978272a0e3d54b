"""Checks B1, B2, B5 and B6: what can be guessed without lungs, or of hardly a picture (guide section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Floats, Truth
from ml.trust import cross_validation
from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.dataset_scan import DatasetScan, Thumbnails

BORDER_FAIL, BORDER_WARN = 0.80, 0.65
RATIO_FAIL, RATIO_WARN = 0.8, 0.5
CHANCE: Final = 0.5
LEAK: Final = 0.03
PERMUTATIONS: Final = 20
GAIN: Final = 0.02
NORMAL: Final = "normal"


@check("B1", blocking=True, threshold="lower limit of the AUROC above 0.80 FAIL, above 0.65 WARN (*)")
def border_probe(survey: DatasetScan) -> Outcome:
    """Try to tell the target from the outer border of the radiographs alone."""
    places = cross_validation.probe_radiographs(survey)
    truth, groups = survey.truth[places], survey.groups[places]
    found = _scores(survey.frame[places], truth, groups)
    value, ci = cross_validation.area(found, truth, groups)
    status: Status = "FAIL" if ci[0] > BORDER_FAIL else "WARN" if ci[0] > BORDER_WARN else "PASS"
    return Outcome(
        status,
        f"The border alone, all else black, tells {survey.target} with AUROC {value:.3f} "
        f"({ci[0]:.3f} to {ci[1]:.3f}).",
        value=value,
        ci=ci,
        n=len(places),
    )


@check("B2", blocking=True, threshold="ratio of at least 0.8 FAIL, of at least 0.5 WARN (*)")
def no_lung_ratio(survey: DatasetScan) -> Outcome:
    """Measure how much of what a thumbnail tells is left when the lungs are blacked out."""
    places = cross_validation.probe_radiographs(survey)
    truth, groups = survey.truth[places], survey.groups[places]
    both = [_scores(pictures[places], truth, groups) for pictures in (survey.whole, survey.centre_black)]
    whole, black = (statistics.auroc(found, truth) for found in both)
    areas = [cross_validation.resampled_areas(found, truth, groups) for found in both]
    if not statistics.percentile_interval(areas[0])[0] > CHANCE:
        raise NotPossible(f"A thumbnail with lungs does not tell {survey.target} either (AUROC {whole:.3f}).")
    ratio = (black - CHANCE) / (whole - CHANCE)
    excess = areas[0] - CHANCE
    ratios = np.divide(areas[1] - CHANCE, excess, out=np.full_like(excess, np.nan), where=excess > 0)
    status: Status = "FAIL" if ratio >= RATIO_FAIL else "WARN" if ratio >= RATIO_WARN else "PASS"
    return Outcome(
        status,
        f"Without lungs a thumbnail tells {survey.target} with AUROC {black:.3f}, with lungs {whole:.3f}: "
        f"{ratio:.0%} of what it tells is to be had without them.",
        value=ratio,
        ci=statistics.percentile_interval(ratios),
        n=len(places),
        figures={"auroc_whole": whole, "auroc_centre_black": black},
    )


@check("B5", threshold="mean AUROC of 20 permutations outside 0.5 +- 0.03 FAIL")
def permuted_labels(survey: DatasetScan) -> Outcome:
    """Train the probe on shuffled labels, which nothing can tell unless the pipeline leaks."""
    places = cross_validation.probe_radiographs(survey)
    truth, groups = survey.truth[places], survey.groups[places]
    parts, random = (
        cross_validation.thumbnail_folds(survey.whole[places], truth, groups),
        np.random.default_rng(SEED),
    )
    areas = [_area(parts, _shuffled(truth, parts, random)) for _ in range(PERMUTATIONS)]
    mean, spread = float(np.mean(areas)), float(np.std(areas, ddof=1))
    return Outcome(
        "FAIL" if abs(mean - CHANCE) > LEAK else "PASS",
        f"Trained on shuffled labels the probe has a mean AUROC of {mean:.3f} over {PERMUTATIONS} times; "
        f"a sound pipeline has 0.5.",
        value=mean,
        n=len(places),
        figures={"standard_deviation": spread},
    )


@check("B6", threshold="the network's accuracy at most 2 points above the thumbnail's WARN (*)")
def trivial_baseline(survey: DatasetScan, *, model_accuracy: float | None = None) -> Outcome:
    """Measure how well 32 x 32 thumbnails do what the network does."""
    places = cross_validation.probe_radiographs(survey, _in_enough_patients(survey))
    value, ci = _accuracy(survey, places)
    figures = {"accuracy": value}
    told = f"A probe on 32 x 32 thumbnails names the right finding for {value:.1%} of the radiographs"
    pair = np.isin(survey.labels, (survey.target, NORMAL))
    if NORMAL in survey.labels[places] and survey.target != NORMAL:
        figures["accuracy_against_normal"] = _accuracy(
            survey, cross_validation.probe_radiographs(survey, pair)
        )[0]
        told += (
            f", and for {figures['accuracy_against_normal']:.1%} where only {survey.target} and normal count"
        )
    if model_accuracy is None:
        return Outcome(
            "NOT_POSSIBLE", f"{told}. No network was given to compare.", value, ci, len(places), figures
        )
    better = model_accuracy - value
    status: Status = "WARN" if better <= GAIN else "PASS"
    words = f"{told}. The network names it for {model_accuracy:.1%}: {100 * better:+.1f} points."
    return Outcome(status, words, value, ci, len(places), {**figures, "model_accuracy": model_accuracy})


def _scores(pictures: Thumbnails, truth: Truth, groups: cross_validation.Groups) -> Floats:
    return cross_validation.scores(
        cross_validation.thumbnail_folds(pictures, truth, groups), cross_validation.support_vectors, truth
    )


def _area(parts: Sequence[cross_validation.Fold], truth: Truth) -> float:
    return statistics.auroc(cross_validation.scores(parts, cross_validation.support_vectors, truth), truth)


def _shuffled(truth: Truth, parts: Sequence[cross_validation.Fold], random: np.random.Generator) -> Truth:
    # Within folds; else a fold richer in the target leaves others poorer and 60 radiographs sink to 0.476.
    shuffled = truth.copy()
    for fold in parts:
        shuffled[fold.tested] = random.permutation(truth[fold.tested])
    return shuffled


def _in_enough_patients(survey: DatasetScan) -> Truth:
    """Tell the radiographs whose label has radiographs of as many patients as there are folds."""
    labels = survey.labels
    few = [
        name
        for name in set(labels.tolist())
        if len(set(survey.groups[labels == name].tolist())) < cross_validation.FOLDS
    ]
    return np.array(~np.isin(labels, few), dtype=bool)


def _accuracy(survey: DatasetScan, places: NDArray[np.int_]) -> tuple[float, tuple[float, float]]:
    labels, groups = survey.labels[places], survey.groups[places]
    parts = cross_validation.thumbnail_folds(survey.whole[places], labels, groups)
    named = cross_validation.answers(parts, cross_validation.support_vectors, labels)
    right = (named == labels).astype(np.float64)
    _, patients = np.unique(groups, return_inverse=True)
    weights = statistics.patient_weights(patients, seed=SEED)
    return float(right.mean()), statistics.percentile_interval(weights @ right / weights.sum(axis=1))
