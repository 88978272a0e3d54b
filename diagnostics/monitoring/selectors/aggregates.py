"""Sums of aggregates over a period, and by day or stratum."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from diagnostics.accounts.models import Site
from diagnostics.monitoring import measures
from diagnostics.monitoring.measures import Bins, Measure
from diagnostics.monitoring.models import Aggregate, Count, Dimension, Period
from diagnostics.review.proportion import Proportion

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Totals:
    """Counts and histograms of a period."""

    counts: dict[str, int] = field(default_factory=dict)
    histograms: dict[str, Bins] = field(default_factory=dict)

    def count(self, count: Count) -> int:
        """Return one count; 0 where nothing was counted."""
        return self.counts.get(count.value, 0)

    def histogram(self, measure: Measure) -> Bins:
        """Return the histogram of a measure; empty where nothing was measured."""
        return self.histograms.get(measure.value, {})

    @property
    def finished(self) -> int:
        """Return the number of predictions that ended, whatever their end."""
        return self.count(Count.DONE) + self.count(Count.STOPPED) + self.count(Count.FAILED)

    @property
    def agreement(self) -> Proportion:
        """Return the share of first readings with the finding of the AI result."""
        return Proportion(self.count(Count.AGREED), self.count(Count.COMPARED))

    @property
    def sensitivity(self) -> Proportion:
        """Return the sensitivity of the flag on randomly drawn cases."""
        flagged = self.count(Count.TRUE_POSITIVE)
        return Proportion(flagged, flagged + self.count(Count.FALSE_NEGATIVE))

    @property
    def specificity(self) -> Proportion:
        """Return the specificity of the flag on randomly drawn cases."""
        unflagged = self.count(Count.TRUE_NEGATIVE)
        return Proportion(unflagged, unflagged + self.count(Count.FALSE_POSITIVE))


def hours_since(site: Site, start: datetime) -> list[Aggregate]:
    """Return the rows of the hour that contains `start` and of all later ones."""
    hour = start.replace(minute=0, second=0, microsecond=0)
    return list(Aggregate.objects.filter(site=site, period=Period.HOUR, start__gte=hour))


def finished_since(sites: Iterable[Site], start: datetime) -> int:
    """Return how many predictions of some sites ended in the hour that contains `start` or later."""
    hour = start.replace(minute=0, second=0, microsecond=0)
    rows = Aggregate.objects.filter(site__in=list(sites), period=Period.HOUR, start__gte=hour)
    return total(rows.defer("histograms"), counts_only=True).finished


def days_since(sites: Iterable[Site], start: datetime) -> QuerySet[Aggregate]:
    """Return the rows of all days of some sites that begin at or after a time, of all dimensions."""
    return Aggregate.objects.filter(site__in=list(sites), period=Period.DAY, start__gte=start)


def total(rows: Iterable[Aggregate], *, counts_only: bool = False) -> Totals:
    """Return the sum of rows that share no case, without histograms if these were not read."""
    return combined([Totals(row.counts, {} if counts_only else row.histograms) for row in rows])


def totals_by(
    rows: Iterable[Aggregate], key: Callable[[Aggregate], K], *, counts_only: bool = False
) -> dict[K, Totals]:
    """Return the sums of rows with the same key, in the order of the first row of each."""
    grouped: dict[K, list[Aggregate]] = defaultdict(list)
    for row in rows:
        grouped[key(row)].append(row)
    return {each: total(rows, counts_only=counts_only) for each, rows in grouped.items()}


def day_of(row: Aggregate) -> date:
    """Return the day of a row in the time zone of the installation."""
    return timezone.localdate(row.start)


def of_all(rows: Iterable[Aggregate]) -> list[Aggregate]:
    """Return the rows that are not divided, so that each case is counted once."""
    return [row for row in rows if row.dimension == Dimension.ALL]


def rolling(by_day: dict[date, Totals], *, until: date, days: int) -> Totals:
    """Return the sum of the days that end with `until`."""
    window = (until - timedelta(days=back) for back in range(days))
    return combined([by_day[day] for day in window if day in by_day])


def combined(parts: Sequence[Totals]) -> Totals:
    """Return the sum of totals."""
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.counts)
    names = {name for part in parts for name in part.histograms}
    return Totals(
        dict(counts),
        {name: measures.total(part.histograms.get(name, {}) for part in parts) for name in names},
    )


def of_version(rows: Iterable[Aggregate], version: UUID | None) -> list[Aggregate]:
    """Return the rows of one version."""
    return [row for row in rows if row.version_id == version]
