"""Drift of a distribution from a reference: population stability index and Kolmogorov-Smirnov distance.

Both compare histograms with the same bins, so a distribution over months is kept as a few counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import scipy  # its submodules load at first use: `scipy.stats` takes 60 MB
from numpy.typing import NDArray

from ml.metrics.statistics import Interval, percentile_interval

Counts: TypeAlias = NDArray[np.float64]  # (bins,) or (resamples, bins)

GROUPS: Final = 10  # of about equal size in the reference, as the limits of the index assume
SHARE_OF_EMPTY: Final = 0.5  # observations that stand for none, because the index takes a logarithm
RESAMPLES: Final = 400
SEED: Final = 20260101


@dataclass(frozen=True)
class Drift:
    """How far a sample of `n` is from a reference of `reference_n`, with 95 % bootstrap intervals.

    Resampling adds chance to both measures, so the intervals are shifted by the mean of what it added.
    """

    n: int
    reference_n: int
    psi: float
    psi_interval: Interval
    psi_by_chance: float  # 99.9 % of samples of this size without drift stay below
    ks: float  # largest distance of the distribution functions at the edges of the bins, 0 to 1
    ks_interval: Interval
    ks_p: float  # probability of such a distance without drift, from the asymptotic distribution


def measure_drift(reference: Counts, sample: Counts, *, seed: int = SEED) -> Drift:
    """Compare two histograms (bins,) with the same bins; raises ValueError where one of them is empty."""
    n, reference_n = int(sample.sum()), int(reference.sum())
    if not n or not reference_n:
        raise ValueError("A histogram without observations has no distribution.")
    starts = group_starts(reference)
    drawn = _resampled(reference, sample, seed)
    psi_values = psi(*(np.add.reduceat(counts, starts, axis=1) for counts in drawn))
    index, distance = grouped_psi(reference, sample), float(ks_distance(reference, sample))
    effective = reference_n * n / (reference_n + n)
    return Drift(
        n=n,
        reference_n=reference_n,
        psi=index,
        psi_interval=_shifted_interval(psi_values, index),
        psi_by_chance=psi_by_chance(len(starts), reference_n, n),
        ks=distance,
        ks_interval=_shifted_interval(ks_distance(*drawn), distance),
        ks_p=float(scipy.stats.kstwobign.sf(np.sqrt(effective) * distance)),
    )


def grouped_psi(reference: Counts, sample: Counts) -> float:
    """Return the index of two histograms (bins,), in groups of about equal size in the reference."""
    starts = group_starts(reference)
    return float(psi(np.add.reduceat(reference, starts), np.add.reduceat(sample, starts)))


def psi(reference: Counts, sample: Counts) -> NDArray[np.float64]:
    """Return the population stability index (Siddiqi 2006) of histograms (..., groups), (...).

    An empty group counts as half an observation.
    """
    expected, actual = (_shares(counts) for counts in (reference, sample))
    index: NDArray[np.float64] = ((actual - expected) * np.log(actual / expected)).sum(axis=-1)
    return index


def psi_by_chance(groups: int, reference_n: int, n: int, *, level: float = 0.999) -> float:
    """Return the quantile of the index without drift (Yurdakul and Naranjo 2020): a scaled chi-square."""
    if groups < 2:
        return 0.0
    return float(scipy.stats.chi2.ppf(level, groups - 1) * (1 / reference_n + 1 / n))


def ks_distance(reference: Counts, sample: Counts) -> NDArray[np.float64]:
    """Return the two-sample Kolmogorov-Smirnov distance of histograms (..., bins), (...).

    It is that of the observations, each taken as the upper edge of its bin.
    """
    first, second = (_distribution(counts) for counts in (reference, sample))
    distance: NDArray[np.float64] = np.abs(first - second).max(axis=-1)
    return distance


def group_starts(reference: Counts, *, groups: int = GROUPS) -> NDArray[np.int_]:
    """Return the first bin of each of at most `groups` groups with about equally many of the reference."""
    cumulative = np.cumsum(reference)
    wanted = cumulative[-1] * np.arange(1, groups) / groups
    return np.unique(np.r_[0, np.minimum(np.searchsorted(cumulative, wanted) + 1, len(reference) - 1)])


def _shifted_interval(resampled: Counts, estimate: float) -> Interval:
    """Return the central 95 % of resampled values, shifted to a mean of the estimate; not below 0."""
    low, high = percentile_interval(resampled - resampled.mean() + estimate)
    return max(low, 0.0), high


def _resampled(reference: Counts, sample: Counts, seed: int) -> tuple[Counts, Counts]:
    """Draw both histograms again and again with replacement, (resamples, bins) each."""
    random = np.random.default_rng(seed)
    drawn = (
        random.multinomial(int(counts.sum()), counts / counts.sum(), size=RESAMPLES).astype(np.float64)
        for counts in (reference, sample)
    )
    first, second = drawn
    return first, second


def _shares(counts: Counts) -> Counts:
    filled = np.maximum(counts, SHARE_OF_EMPTY)
    shares: Counts = filled / filled.sum(axis=-1, keepdims=True)
    return shares


def _distribution(counts: Counts) -> Counts:
    cumulative = counts.cumsum(axis=-1)
    distribution: Counts = cumulative / cumulative[..., -1:]
    return distribution
