"""What the page and the API of monitoring show of the sites of a user, from aggregates alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.utils import timezone

from diagnostics.accounts.models import Site, User
from diagnostics.monitoring import measures, policy
from diagnostics.monitoring.measures import DRIFT_MEASURES, Measure
from diagnostics.monitoring.models import Aggregate, Dimension
from diagnostics.monitoring.policy import State
from diagnostics.monitoring.selectors import aggregates, breaches, references
from diagnostics.monitoring.selectors.aggregates import Totals
from diagnostics.monitoring.selectors.days import local_midnight
from diagnostics.monitoring.selectors.references import ALL, Baseline
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from diagnostics.review.proportion import Proportion
from ml.metrics import drift as drift_measures
from ml.metrics.drift import Drift

RANGES: Final = (7, 30, 90, 365)  # days
PSI_DAYS: Final = 7  # of each point of the index over time
STRATA_DAYS: Final = 90  # at most; a year of strata takes seconds to read
DAILY_UP_TO: Final = 30  # days; a longer range is shown by weeks
SITE: Final = "site"  # the dimension of the sites themselves


@dataclass(frozen=True)
class MeasuredDrift:
    """A measure in the whole range, or in one of its strata."""

    measure: Measure
    n: int
    reference_n: int
    drift: Drift | None  # None: too few

    @property
    def state(self) -> State:
        """Return how it is to be taken."""
        return policy.drift_state(self.drift)


@dataclass(frozen=True)
class Stratum:
    """The cases of one site, view, sex, age band or device."""

    dimension: str
    value: str
    totals: Totals
    drifts: tuple[MeasuredDrift, ...]


@dataclass(frozen=True)
class Step:
    """One day or week of the range; `psi` is that of the 7 days until its end, if enough."""

    first: date
    totals: Totals  # of all versions
    psi: dict[Measure, float]


@dataclass(frozen=True)
class Rolling:
    """The 28 days that end with a day."""

    until: date
    agreement: Proportion
    sensitivity: Proportion
    specificity: Proportion


@dataclass(frozen=True)
class Overview:
    """Everything that is shown of a range of days."""

    sites: tuple[Site, ...]
    version: ModelVersion | None
    first: date
    last: date
    step_days: int
    totals: Totals  # of all versions
    drifts: tuple[MeasuredDrift, ...]  # of the active version
    strata: tuple[Stratum, ...]
    steps: tuple[Step, ...]
    rolling: tuple[Rolling, ...]
    baselines: tuple[Baseline, ...]
    accuracy_floor: float | None
    sensitivity_floor: float | None

    @property
    def site_names(self) -> list[str]:
        """Return the names of the sites."""
        return [site.name for site in self.sites]

    @property
    def version_name(self) -> str:
        """Return the name of the active version; empty without one."""
        return str(self.version) if self.version else ""


def overview(user: User, *, days: int, now: datetime) -> Overview:
    """Return the figures of a range of days that ends today; the number of queries is fixed."""
    sites, version = tuple(user.sites.order_by("name")), registry.active_version()
    last = timezone.localdate(now)
    first, step_days = last - timedelta(days=days - 1), 1 if days <= DAILY_UP_TO else 7
    rows = list(aggregates.days_since(sites, local_midnight(first)).filter(dimension=Dimension.ALL))
    active = aggregates.of_version(rows, version.pk) if version else []
    since = max(first, last - timedelta(days=STRATA_DAYS - 1))
    baselines = references.baselines(version, sites)
    by_day = _by_day(sites, version, since=first - timedelta(days=PSI_DAYS - 1))
    return Overview(
        sites=sites,
        version=version,
        first=first,
        last=last,
        step_days=step_days,
        totals=aggregates.total(rows),
        drifts=_drifts(aggregates.total(active), baselines),
        strata=tuple(_strata(sites, version, baselines, since=since)),
        steps=tuple(_steps(rows, by_day, baselines, first=first, last=last, days=step_days)),
        rolling=tuple(_rolling(sites, version, first=first, last=last, days=step_days)),
        baselines=tuple(baselines),
        accuracy_floor=breaches.accuracy_floor(version),
        sensitivity_floor=breaches.sensitivity_floor(version),
    )


def _drifts(totals: Totals, baselines: Sequence[Baseline], stratum: str = ALL) -> tuple[MeasuredDrift, ...]:
    return tuple(_measured(measure, totals, baselines, stratum) for measure in DRIFT_MEASURES)


def _measured(measure: Measure, totals: Totals, baselines: Sequence[Baseline], stratum: str) -> MeasuredDrift:
    reference = references.reference_bins(baselines, measure, stratum)
    sample = totals.histogram(measure)
    found = references.drift_of(measure, reference, sample)
    return MeasuredDrift(measure, sum(sample.values()), sum(reference.values()), found)


def _strata(
    sites: Sequence[Site], version: ModelVersion | None, baselines: Sequence[Baseline], *, since: date
) -> Iterator[Stratum]:
    """Yield the strata with cases: sites first, then the dimensions, the largest stratum of each first."""
    if version is None:
        return
    rows = list(aggregates.days_since(sites, local_midnight(since)).filter(version=version))
    if len(sites) > 1:
        by_site = aggregates.totals_by(aggregates.of_all(rows), lambda row: row.site_id)
        for site in sites:
            own = [each for each in baselines if each.source and each.source.site_id == site.pk]
            if site.pk in by_site:
                totals = by_site[site.pk]
                yield Stratum(SITE, site.name, totals, _drifts(totals, own))
    divided = aggregates.totals_by(rows, lambda row: (row.dimension, row.value))
    for dimension in (Dimension.VIEW, Dimension.SEX, Dimension.AGE, Dimension.DEVICE):
        found = [(value, totals) for (name, value), totals in divided.items() if name == dimension]
        for value, totals in sorted(found, key=lambda each: (-each[1].finished, each[0])):
            key = references.stratum_key(dimension.value, value)
            yield Stratum(dimension.value, value, totals, _drifts(totals, baselines, key))


def _steps(
    rows: Sequence[Aggregate],
    by_day: dict[date, Totals],
    baselines: Sequence[Baseline],
    *,
    first: date,
    last: date,
    days: int,
) -> Iterator[Step]:
    """Yield the days or weeks of a range; `by_day` holds the active version, from a week before it."""
    every = aggregates.totals_by(rows, lambda row: (aggregates.day_of(row) - first).days // days)
    for number in range((last - first).days // days + 1):
        until = min(first + timedelta(days=(number + 1) * days - 1), last)
        psi = dict(_psi(aggregates.rolling(by_day, until=until, days=PSI_DAYS), baselines))
        yield Step(first + timedelta(days=number * days), every.get(number, Totals()), psi)


def _psi(totals: Totals, baselines: Sequence[Baseline]) -> Iterator[tuple[Measure, float]]:
    for measure in DRIFT_MEASURES:
        bins = [references.reference_bins(baselines, measure), totals.histogram(measure)]
        if min(sum(each.values()) for each in bins) >= policy.MIN_CASES:
            reference, sample = (measures.as_counts(each, measure) for each in bins)
            yield measure, drift_measures.grouped_psi(reference, sample)


def _rolling(
    sites: Sequence[Site], version: ModelVersion | None, *, first: date, last: date, days: int
) -> Iterator[Rolling]:
    """Yield the agreement and the performance of the active version in 28 days, at each step of the range."""
    if version is None:
        return
    window = policy.READING_WINDOW.days
    by_day = _by_day(sites, version, since=first - timedelta(days=window - 1), counts_only=True)
    for back in reversed(range(0, (last - first).days + 1, days)):
        until = last - timedelta(days=back)
        totals = aggregates.rolling(by_day, until=until, days=window)
        yield Rolling(until, totals.agreement, totals.sensitivity, totals.specificity)


def _by_day(
    sites: Sequence[Site], version: ModelVersion | None, *, since: date, counts_only: bool = False
) -> dict[date, Totals]:
    """Return the undivided totals of a version by day; one query, none without a version."""
    if version is None:
        return {}
    rows = aggregates.days_since(sites, local_midnight(since))
    rows = rows.filter(version=version, dimension=Dimension.ALL)
    rows = rows.defer("histograms") if counts_only else rows
    return aggregates.totals_by(rows, aggregates.day_of, counts_only=counts_only)
