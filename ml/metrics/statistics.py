"""Statistics of a diagnostic test: confidence intervals, paired comparisons and calibration errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import scipy  # its submodules load at first use: `scipy.stats` takes 60 MB
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Truth: TypeAlias = NDArray[np.bool_]
Interval: TypeAlias = tuple[float, float]

RESAMPLES: Final = 2000
ONE_SIDED_95: Final = 1.6448536269514722


@dataclass(frozen=True)
class DeLongResult:
    """Two correlated areas under the ROC curve, their difference (first minus second) and standard errors."""

    first: float
    second: float
    first_error: float
    difference: float
    difference_error: float
    z: float
    p: float  # two-sided


def wilson(successes: int, trials: int) -> Interval:
    """Return the Wilson 95 % interval of a proportion (Wilson 1927), (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    interval = scipy.stats.binomtest(successes, trials).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p of McNemar's test on the discordant pairs, 1 if there are none."""
    pairs = only_first + only_second
    return float(scipy.stats.binomtest(only_first, pairs).pvalue) if pairs else 1.0


def paired_lower_bound(only_first: int, only_second: int, pairs: int) -> float:
    """Return the one-sided 95 % lower bound of the difference of two paired proportions (Tango 1998).

    `only_first` and `only_second` count the discordant pairs; the bound is from -1 to 1.
    """
    if pairs == 0:
        return -1.0

    def distance(difference: float) -> float:
        return _tango(only_first, only_second, pairs, difference) - ONE_SIDED_95

    lowest, highest = -1 + 1e-9, (only_first - only_second) / pairs
    if distance(lowest) <= 0:
        return -1.0
    # At the observed difference the statistic is 0 (or 0/0), so the root lies strictly below it.
    return float(scipy.optimize.brentq(distance, lowest, highest - 1e-9))


def _tango(b: int, c: int, n: int, difference: float) -> float:
    """Return the score statistic of H0: the difference of the two proportions is `difference`."""
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    q = (np.sqrt(max(0.0, linear**2 - 8 * n * constant)) - linear) / (4 * n)
    variance = n * (2 * q + difference * (1 - difference))
    return float((b - c - n * difference) / np.sqrt(max(variance, 1e-300)))


def auroc(scores: Floats, truth: Truth) -> float:
    """Return the area under the ROC curve, ties counted half; NaN without radiographs of both kinds.

    `scores` and `truth` are (n,).
    """
    return float(weighted_auroc(scores, truth, np.ones((1, len(scores))))[0])


def weighted_auroc(scores: Floats, truth: Truth, weights: Floats) -> Floats:
    """Return one area for each row of weights (rows, n), (rows,); NaN if a kind has no weight."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0]) if len(scores) else np.array([0])
    ordered = weights[:, order]
    with_finding = np.add.reduceat(ordered * truth[order], starts, axis=1)
    without = np.add.reduceat(ordered * ~truth[order], starts, axis=1)
    below = np.cumsum(without, axis=1) - without / 2
    pairs = with_finding.sum(axis=1) * without.sum(axis=1)
    ordered_pairs = (with_finding * below).sum(axis=1)
    area: Floats = np.divide(ordered_pairs, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return area


def patient_weights(patients: NDArray[np.int_], *, seed: int, resamples: int = RESAMPLES) -> Floats:
    """Resample patients with replacement; return the multiplicity of each radiograph, (resamples, n).

    `patients` (n,) holds numbers from 0 without gaps.
    """
    count = int(patients.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    weights: Floats = drawn[:, patients].astype(np.float64)
    return weights


def percentile_interval(values: Floats, level: float = 0.95) -> Interval:
    """Return the central interval of resampled values (n,), ignoring NaN."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return float("nan"), float("nan")
    tail = (1 - level) / 2 * 100
    low, high = np.percentile(defined, (tail, 100 - tail))
    return float(low), float(high)


def delong(first: Floats, second: Floats, truth: Truth) -> DeLongResult:
    """Compare the AUROC of two scores (n,) of the same radiographs (DeLong et al. 1988)."""
    placements = [_placements(scores, truth) for scores in (first, second)]
    with_finding = np.stack([positive for positive, _ in placements])
    without = np.stack([negative for _, negative in placements])
    areas = with_finding.mean(axis=1)
    covariance = np.cov(with_finding) / with_finding.shape[1] + np.cov(without) / without.shape[1]
    error = float(np.sqrt(max(0.0, covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])))
    difference = float(areas[0] - areas[1])
    z = difference / error if error > 0 else 0.0
    return DeLongResult(
        first=float(areas[0]),
        second=float(areas[1]),
        first_error=float(np.sqrt(covariance[0, 0])),
        difference=difference,
        difference_error=error,
        z=z,
        p=float(2 * scipy.stats.norm.sf(abs(z))),
    )


def _placements(scores: Floats, truth: Truth) -> tuple[Floats, Floats]:
    """Return the share of correctly ordered pairs for each positive and each negative radiograph."""
    ranks = scipy.stats.rankdata(scores)
    with_finding = (ranks[truth] - scipy.stats.rankdata(scores[truth])) / (~truth).sum()
    without = 1 - (ranks[~truth] - scipy.stats.rankdata(scores[~truth])) / truth.sum()
    return with_finding, without


def calibration_error(confidence: Floats, correct: Truth, *, bins: int) -> float:
    """Return the expected calibration error of confidence (n,), 0 to 1, over bins of equal size."""
    order = np.argsort(confidence, kind="stable")
    gaps = [
        abs(float(confidence[part].mean() - correct[part].mean())) * len(part)
        for part in np.array_split(order, bins)
        if len(part)
    ]
    return sum(gaps) / len(confidence)


def brier(probabilities: Floats, truth: Floats) -> float:
    """Return the mean over n of the squared errors of (n, classes), summed over classes (Brier 1950)."""
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())
