"""Check H: sensitivity by view, sex, age, source and reference standard (docs/trust.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from scipy.stats import fisher_exact

from ml.metrics import statistics
from ml.metrics.statistics import Truth
from ml.trust import catalogue
from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.dataset_scan import RadiographMetadata
from ml.trust.predictions import Predictions

MIN_PER_CLASS: Final = 20  # radiographs with and without the target
GAP: Final = 0.10
P: Final = 0.05
AGES: Final = ((0, 40, "under 40"), (40, 65, "40 to 64"), (65, 200, "65 and over"))
UNKNOWN: Final = ""


@dataclass(frozen=True)
class SensitivityGap:
    """Difference in sensitivity between a group and the other groups of its attribute, and Fisher's p."""

    gap: float
    p: float
    group: str

    @property
    def rank(self) -> tuple[bool, float]:
        """Return the sort key: relevant gaps first, then by size."""
        return self.gap > GAP, self.gap


@check(
    catalogue.SUBGROUP_SENSITIVITY,
    threshold="sensitivity gap above 0.10 and Fisher's p below 0.05 FAIL, either WARN",
)
def subgroup_sensitivity(
    predictions: Predictions, *, metadata: Mapping[Path, RadiographMetadata] = MappingProxyType({})
) -> Outcome:
    """Compare the sensitivity between groups of at least 20 radiographs with and 20 without the target."""
    metrics: dict[str, float] = {}
    gaps: list[SensitivityGap] = []
    for attribute, values in group_values(predictions, metadata).items():
        members = {
            f"{attribute} {value}": np.array([other == value for other in values])
            for value in sorted(set(values) - {UNKNOWN})
        }
        for name, of_group in members.items():
            metrics |= _group_metrics(predictions, of_group, name)
        gaps += _gaps(predictions, members)
    if not gaps:
        raise NotPossible(
            f"No two groups have {MIN_PER_CLASS} radiographs with {predictions.target} and {MIN_PER_CLASS} "
            "without."
        )
    worst = max(gaps, key=lambda gap: gap.rank)
    relevant, significant = worst.gap > GAP, worst.p < P
    status: Status = "FAIL" if relevant and significant else "WARN" if relevant or significant else "PASS"
    return Outcome(
        status,
        f"The largest gap in sensitivity is {worst.gap:.2f}, for {worst.group} compared with the other "
        f"groups (p = {worst.p:.3f}).",
        value=worst.gap,
        n=len(predictions.radiographs),
        metrics=metrics,
    )


def group_values(
    predictions: Predictions, metadata: Mapping[Path, RadiographMetadata]
) -> dict[str, Sequence[str]]:
    """Return each radiograph's view, sex, age band, source and reference standard; empty where unknown."""
    radiographs = predictions.radiographs
    known = [metadata.get(radiograph.path, RadiographMetadata()) for radiograph in radiographs]
    return {
        "view": [given.view or radiograph.view for given, radiograph in zip(known, radiographs, strict=True)],
        "sex": [given.sex for given in known],
        "age": [age_band(given.age) for given in known],
        "source": [radiograph.source for radiograph in radiographs],
        "reference standard": [given.reference for given in known],
    }


def age_band(age: str) -> str:
    """Return 'under 40', '40 to 64' or '65 and over' for an age in years; empty if it is not a number."""
    try:
        years = float(age)
    except ValueError:
        return UNKNOWN
    return next((name for low, high, name in AGES if low <= years < high), UNKNOWN)


def _gaps(predictions: Predictions, members: Mapping[str, Truth]) -> list[SensitivityGap]:
    """Return the gap of each large enough group of one attribute against the other large enough ones."""
    truth = predictions.truth
    large = {
        name: of_group
        for name, of_group in members.items()
        if min((of_group & truth).sum(), (of_group & ~truth).sum()) >= MIN_PER_CLASS
    }
    return [_gap(predictions, name, of_group, list(large.values())) for name, of_group in large.items()]


def _gap(predictions: Predictions, name: str, of_group: Truth, groups: Sequence[Truth]) -> SensitivityGap:
    truth, flagged = predictions.truth, predictions.flagged
    rest = np.any(groups, axis=0) & ~of_group
    if not (rest & truth).any():
        return SensitivityGap(0.0, 1.0, name)
    table = [
        [int((side & truth & flagged).sum()), int((side & truth & ~flagged).sum())]
        for side in (of_group, rest)
    ]
    sensitivities = [flagged_count / (flagged_count + missed) for flagged_count, missed in table]
    p = float(fisher_exact(table).pvalue)
    return SensitivityGap(abs(sensitivities[0] - sensitivities[1]), p, name)


def _group_metrics(predictions: Predictions, members: Truth, name: str) -> dict[str, float]:
    truth, flagged = predictions.truth, predictions.flagged
    metrics = {
        f"{name} with": float((members & truth).sum()),
        f"{name} without": float((members & ~truth).sum()),
    }
    if min(metrics.values()) < MIN_PER_CLASS:
        return {**metrics, f"{name} insufficient": 1.0}
    for metric, counted, among in (
        ("sensitivity", flagged, members & truth),
        ("specificity", ~flagged, members & ~truth),
    ):
        successes, trials = int((counted & among).sum()), int(among.sum())
        low, high = statistics.wilson(successes, trials)
        metrics |= {
            f"{name} {metric}": successes / trials,
            f"{name} {metric} low": low,
            f"{name} {metric} high": high,
        }
    metrics[f"{name} auroc"] = statistics.auroc(predictions.scores[members], truth[members])
    difference = predictions.scores[members].mean() - truth[members].mean()
    metrics[f"{name} mean p less prevalence"] = float(difference)
    return metrics
