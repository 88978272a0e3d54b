"""Inter-reader agreement beyond chance: kappa and alpha for nominal findings, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml.metrics.statistics import RESAMPLES, Floats, Interval, percentile_interval

SEED: Final = 20260101
Counts: TypeAlias = NDArray[np.float64]  # (rows, findings): number of readers
Weights: TypeAlias = NDArray[np.float64]  # (resamples, rows): number of cases like each row
Times: TypeAlias = Sequence[int] | None  # (rows): number of cases like each row; None: one


@dataclass(frozen=True)
class Agreement:
    """One coefficient: 1 is full agreement, 0 is chance; NaN if the readings do not vary."""

    value: float
    interval: Interval  # 95 %, bootstrap of cases
    cases: int  # with at least two readings


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]], times: Times = None) -> Agreement:
    """Return Cohen's kappa of two readers (Cohen 1960) from their pairs of findings.

    A pair stands for one case, or for as many as `times` says.
    """
    findings = sorted({finding for pair in pairs for finding in pair}, key=str)
    indices = {finding: index for index, finding in enumerate(findings)}
    first, second = (np.array([indices[pair[k]] for pair in pairs], int) for k in (0, 1))
    first_one_hot, second_one_hot = (np.eye(len(findings))[reader] for reader in (first, second))
    same = (first == second).astype(np.float64)

    def kappa(weights: Weights) -> Floats:
        total = weights.sum(axis=1)
        observed = weights @ same / total
        expected = ((weights @ first_one_hot) * (weights @ second_one_hot)).sum(axis=1) / total**2
        return _beyond_chance(observed, expected)

    return _with_interval(kappa, len(pairs), times)


def fleiss_kappa(counts: Counts, times: Times = None) -> Agreement:
    """Return Fleiss' kappa (Fleiss 1971) of counts (rows, findings) with two or more readings in every row.

    A row stands for one case, or for as many as `times` says. Raises ValueError if the number of readings
    differs between rows.
    """
    readers = counts.sum(axis=1)
    if len(counts) and (readers.min() != readers.max() or readers.min() < 2):
        raise ValueError("Fleiss' kappa needs the same number of readings, two or more, of every case.")
    agreeing = (counts * (counts - 1)).sum(axis=1) / np.maximum(readers * (readers - 1), 1)

    def kappa(weights: Weights) -> Floats:
        totals = weights @ counts
        shares = totals / totals.sum(axis=1, keepdims=True)
        return _beyond_chance(weights @ agreeing / weights.sum(axis=1), (shares**2).sum(axis=1))

    return _with_interval(kappa, len(counts), times)


def krippendorff_alpha(counts: Counts, times: Times = None) -> Agreement:
    """Return Krippendorff's nominal alpha of counts (rows, findings); ignores rows with one reading.

    A row stands for one case, or for as many as `times` says.
    Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
    """
    several = counts.sum(axis=1) >= 2
    counts, times = counts[several], None if times is None else list(np.array(times, int)[several])
    readers = counts.sum(axis=1)
    differing = readers - (counts * (counts - 1)).sum(axis=1) / np.maximum(readers - 1, 1)

    def alpha(weights: Weights) -> Floats:
        totals = weights @ counts
        readings = totals.sum(axis=1)
        by_chance = (readings**2 - (totals**2).sum(axis=1)) / (readings - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return 1 - (weights @ differing) / by_chance

    return _with_interval(alpha, len(counts), times)


def counts_of(readings: Sequence[Mapping[Any, str]], findings: Sequence[str]) -> Counts:
    """Return the readers for each case and finding, (cases, findings); a case maps reader to finding."""
    rows = [[list(case.values()).count(finding) for finding in findings] for case in readings]
    return np.array(rows, np.float64).reshape(len(readings), len(findings))


def _beyond_chance(observed: Floats, expected: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return (observed - expected) / (1 - expected)


def _with_interval(coefficient: Callable[[Weights], Floats], rows: int, times: Times) -> Agreement:
    """Resample cases with replacement; equal cases are drawn together, as one draw of their number."""
    number = np.ones(rows, int) if times is None else np.array(times, int)
    cases = int(number.sum())
    if not cases:
        return Agreement(float("nan"), (float("nan"), float("nan")), 0)
    value = coefficient(number[np.newaxis].astype(np.float64))[0]
    drawn = np.random.default_rng(SEED).multinomial(cases, number / cases, size=RESAMPLES)
    resampled = coefficient(drawn.astype(np.float64))
    return Agreement(float(value), percentile_interval(resampled), cases)
