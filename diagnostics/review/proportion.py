"""A proportion with its 95 % confidence interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ml.metrics import statistics

MIN_CASES: Final = 30  # estimates from fewer cases are marked as unreliable


@dataclass(frozen=True)
class Proportion:
    """`count` of `total`, with the Wilson score interval (Wilson 1927)."""

    count: int
    total: int

    @property
    def value(self) -> float:
        """Return the proportion; 0 where the total is 0."""
        return self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval; 0 to 1 where the total is 0."""
        return statistics.wilson(self.count, self.total)

    @property
    def too_few(self) -> bool:
        """Return whether the total is too small for a reliable estimate."""
        return self.total < MIN_CASES
