"""Aggregating the predictions and readings of a day; computing a day again replaces its rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from diagnostics.monitoring.measures import Bins, add_value
from diagnostics.monitoring.models import Aggregate, Count, Dimension, Period
from diagnostics.monitoring.policy import HOURS_KEPT, MOST_DEVICES
from diagnostics.monitoring.selectors.days import days_to_aggregate, local_midnight
from diagnostics.monitoring.selectors.facts import Fact, facts_between

DAYS_AT_ONCE: Final = 31  # in one task, because the same worker computes predictions
OTHER_DEVICES: Final = "other"
ROWS_AT_ONCE: Final = 500


class Stratum(NamedTuple):
    """What the facts of one row have in common."""

    period: Period
    start: datetime
    site: UUID
    version: UUID | None
    dimension: Dimension
    value: str


@dataclass
class Tally:
    """The counts and histograms of one row, while facts are added."""

    counts: Counter[str] = field(default_factory=Counter)
    histograms: dict[str, Bins] = field(default_factory=lambda: defaultdict(dict))

    def add(self, fact: Fact) -> None:
        """Add one fact."""
        self.counts.update(fact.counts)
        for measure, value in fact.values.items():
            add_value(self.histograms[measure.value], measure, value)


def aggregate_recent(*, now: datetime) -> None:
    """Aggregate from the last day with rows to today, at most a month in one call, and drop old hours."""
    for day in days_to_aggregate(today=timezone.localdate(now))[:DAYS_AT_ONCE]:
        aggregate_day(day, now=now)
    Aggregate.objects.filter(period=Period.HOUR, start__lt=now - HOURS_KEPT).delete()


def aggregate_day(day: date, *, now: datetime) -> int:
    """Replace the rows of a day by those of its facts; return how many there are.

    Raises IntegrityError where another process stores the same day at the same time; its rows are as good.
    """
    start, end = (local_midnight(each) for each in (day, day + timedelta(days=1)))
    tallies = tally(facts_between(start, end), day_start=start, with_hours=end > now - HOURS_KEPT)
    rows = [
        Aggregate(
            period=key.period,
            start=key.start,
            site_id=key.site,
            version_id=key.version,
            dimension=key.dimension,
            value=key.value,
            counts=dict(each.counts),
            histograms=dict(each.histograms),
        )
        for key, each in tallies.items()
    ]
    with transaction.atomic():
        Aggregate.objects.filter(start__gte=start, start__lt=end).delete()
        Aggregate.objects.bulk_create(rows, batch_size=ROWS_AT_ONCE)
    return len(rows)


def tally(facts: Iterable[Fact], *, day_start: datetime, with_hours: bool) -> dict[Stratum, Tally]:
    """Return the counts and histograms of facts of one day by hour, day and stratum."""
    tallies: dict[Stratum, Tally] = defaultdict(Tally)
    for fact in facts:
        for key in _strata_of(fact, day_start, with_hours=with_hours):
            tallies[key].add(fact)
    return _with_few_devices(tallies)


def _strata_of(fact: Fact, day_start: datetime, *, with_hours: bool) -> Iterator[Stratum]:
    if with_hours:
        # The day begins inside an hour of UTC where the time zone is not whole hours from it.
        hour = max(fact.at.replace(minute=0, second=0, microsecond=0), day_start)
        yield Stratum(Period.HOUR, hour, fact.site, fact.version, Dimension.ALL, "")
    yield Stratum(Period.DAY, day_start, fact.site, fact.version, Dimension.ALL, "")
    for dimension, value in fact.strata.items():
        yield Stratum(Period.DAY, day_start, fact.site, fact.version, dimension, value)


def _with_few_devices(tallies: dict[Stratum, Tally]) -> dict[Stratum, Tally]:
    """Merge the rarest devices of a site and version, so that a header cannot add rows without limit."""
    by_owner: dict[Stratum, list[Stratum]] = defaultdict(list)
    for key in tallies:
        if key.dimension == Dimension.DEVICE:
            by_owner[key._replace(value=OTHER_DEVICES)].append(key)
    for other, keys in by_owner.items():
        keys.sort(key=lambda key: (-tallies[key].counts[Count.DONE.value], key.value))
        for key in keys[MOST_DEVICES:]:
            if key != other:  # a device of that name keeps its row
                _merge(tallies[other], tallies.pop(key))
    return tallies


def _merge(into: Tally, other: Tally) -> None:
    into.counts.update(other.counts)
    for measure, bins in other.histograms.items():
        for number, count in bins.items():
            into.histograms[measure][number] = into.histograms[measure].get(number, 0) + count
