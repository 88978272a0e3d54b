"""The reference distributions of a version at its sites, and drift from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from diagnostics.accounts.models import Site
from diagnostics.monitoring import measures
from diagnostics.monitoring.measures import IMAGE_MEASURES, Bins, Measure
from diagnostics.monitoring.models import Dimension, Reference
from diagnostics.monitoring.policy import MIN_CASES
from diagnostics.registry.models import ModelVersion
from ml.metrics import drift
from ml.metrics.drift import Drift

ALL: Final = f"{Dimension.ALL.value}="


@dataclass(frozen=True)
class Baseline:
    """The reference of a site: that of the active version, and of an earlier one until it is frozen."""

    own: Reference | None
    earlier: Reference | None  # its image measures do not depend on the version

    @property
    def source(self) -> Reference | None:
        """Return the reference that is used."""
        return self.own or self.earlier

    def histogram(self, measure: Measure, stratum: str = ALL) -> Bins:
        """Return the reference histogram of a measure in a stratum; empty without a reference."""
        source = self.own or (self.earlier if measure in IMAGE_MEASURES else None)
        found: Bins = source.histograms.get(stratum, {}).get(measure.value, {}) if source else {}
        return found


def stratum_key(dimension: str, value: str) -> str:
    """Return the name of a stratum in a reference."""
    return f"{dimension}={value}"


def baselines(version: ModelVersion | None, sites: Iterable[Site]) -> list[Baseline]:
    """Return the references of a version at some sites; two queries at most."""
    by_site: dict[object, list[Reference]] = {}
    for reference in Reference.objects.filter(site__in=list(sites)).order_by("-frozen_at"):
        by_site.setdefault(reference.site_id, []).append(reference)
    return [_baseline(version, references) for references in by_site.values()]


def _baseline(version: ModelVersion | None, references: list[Reference]) -> Baseline:
    own = next((each for each in references if version and each.version_id == version.pk), None)
    return Baseline(own, None if own else references[0])


def reference_bins(found: Iterable[Baseline], measure: Measure, stratum: str = ALL) -> Bins:
    """Return the sum of the reference histograms of several sites."""
    return measures.total(each.histogram(measure, stratum) for each in found)


def drift_of(measure: Measure, reference: Bins, sample: Bins) -> Drift | None:
    """Compare a sample with a reference; None where one of them has too few observations."""
    if min(sum(reference.values()), sum(sample.values())) < MIN_CASES:
        return None
    return drift.measure_drift(measures.as_counts(reference, measure), measures.as_counts(sample, measure))
