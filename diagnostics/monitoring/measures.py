"""What is kept of each prediction as a histogram: the measures, their bins, and quantiles of the bins."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

Scale = Literal["plain", "log10", "logit"]
Bins = dict[str, int]  # number of the bin -> count; bins without a count are left out


class Measure(TextChoices):
    """A number that each prediction has."""

    SCORE = "score", _("Probability of COVID-19")
    GREY_MEAN = "grey_mean", _("Mean grey")
    CONTRAST = "contrast", _("Contrast")
    SHARPNESS = "sharpness", _("Sharpness")
    CORNER_EXCESS = "corner_excess", _("Corners minus spine")
    DISTANCE = "distance", _("Distance from the training data")
    WAITED = "waited", _("Waiting time")
    RAN = "ran", _("Running time")


IMAGE_MEASURES: Final = (
    Measure.GREY_MEAN,
    Measure.CONTRAST,
    Measure.SHARPNESS,
    Measure.CORNER_EXCESS,
)
DRIFT_MEASURES: Final = (Measure.SCORE, *IMAGE_MEASURES, Measure.DISTANCE)


@dataclass(frozen=True)
class BinRule:
    """Bins of equal width between two values on a scale; the first and the last are open outwards."""

    low: float
    high: float
    bins: int
    scale: Scale = "plain"

    def bin_of(self, value: float) -> int:
        """Return the number of the bin of a value."""
        share = (_to_scale(value, self.scale) - self.low) / (self.high - self.low)
        return min(max(math.floor(share * self.bins), 0), self.bins - 1)

    def value_at(self, position: float) -> float:
        """Return the value at a position in bins from the lower end."""
        return _from_scale(self.low + (self.high - self.low) * position / self.bins, self.scale)


RULES: Final[dict[Measure, BinRule]] = {
    Measure.SCORE: BinRule(-8, 8, 64, "logit"),  # a calibrated score is mostly close to 0 or to 1
    Measure.GREY_MEAN: BinRule(0, 1, 64),
    Measure.CONTRAST: BinRule(0, 0.5, 64),
    Measure.SHARPNESS: BinRule(0, 0.4, 64),
    Measure.CORNER_EXCESS: BinRule(-1, 1, 64),
    Measure.DISTANCE: BinRule(-4, 0.5, 64, "log10"),
    Measure.WAITED: BinRule(-2, 5, 140, "log10"),  # 20 bins for each factor of 10: 12 % apart
    Measure.RAN: BinRule(-2, 5, 140, "log10"),
}


def add_value(histogram: Bins, measure: Measure, value: float) -> None:
    """Count one value."""
    key = str(RULES[measure].bin_of(value))
    histogram[key] = histogram.get(key, 0) + 1


def total(histograms: Iterable[Mapping[str, int]]) -> Bins:
    """Return the sum of histograms."""
    summed: Bins = {}
    for histogram in histograms:
        for key, count in histogram.items():
            summed[key] = summed.get(key, 0) + count
    return summed


def as_counts(histogram: Mapping[str, int], measure: Measure) -> NDArray[np.float64]:
    """Return the counts of all bins (bins,), also the empty ones."""
    counts = np.zeros(RULES[measure].bins)
    for key, count in histogram.items():
        counts[int(key)] = count
    return counts


def quantile(histogram: Mapping[str, int], measure: Measure, share: float) -> float | None:
    """Return the value below which a share of the observations lies, interpolated in its bin."""
    wanted, passed = share * sum(histogram.values()), 0
    for number in sorted(map(int, histogram)):
        count = histogram[str(number)]
        if passed + count >= wanted:
            return RULES[measure].value_at(number + (wanted - passed) / count)
        passed += count
    return None


def _to_scale(value: float, scale: Scale) -> float:
    if scale == "log10":
        return math.log10(max(value, 1e-12))
    if scale == "logit":
        bounded = min(max(value, 1e-9), 1 - 1e-9)
        return math.log(bounded / (1 - bounded))
    return value


def _from_scale(value: float, scale: Scale) -> float:
    if scale == "log10":
        return float(10**value)
    return 1 / (1 + math.exp(-value)) if scale == "logit" else value
