"""Freezing the reference of a version at a site once it has enough live predictions there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from diagnostics.accounts.models import Site
from diagnostics.monitoring.measures import Bins, add_value
from diagnostics.monitoring.models import Dimension, Reference
from diagnostics.monitoring.policy import REFERENCE_CASES
from diagnostics.monitoring.selectors.facts import Fact, first_scored
from diagnostics.monitoring.selectors.references import stratum_key
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion


def freeze_references(*, now: datetime) -> None:
    """Freeze the reference of the active version at each site that has none and enough predictions."""
    version = registry.active_version()
    if version is None:
        return
    frozen = Reference.objects.filter(version=version).values("site")
    for site in Site.objects.exclude(pk__in=frozen):
        facts = first_scored(version, site, most=REFERENCE_CASES)
        if len(facts) >= REFERENCE_CASES:
            _freeze(version, site, facts, now=now)


def _freeze(version: ModelVersion, site: Site, facts: list[Fact], *, now: datetime) -> None:
    Reference.objects.get_or_create(
        version=version,
        site=site,
        defaults={
            "predictions": len(facts),
            "first_at": facts[0].at,
            "last_at": facts[-1].at,
            "frozen_at": now,
            "histograms": reference_histograms(facts),
        },
    )


def reference_histograms(facts: Iterable[Fact]) -> dict[str, dict[str, Bins]]:
    """Return the histograms of facts by stratum and measure."""
    histograms: dict[str, dict[str, Bins]] = defaultdict(lambda: defaultdict(dict))
    for fact in facts:
        for dimension, value in ((Dimension.ALL, ""), *fact.strata.items()):
            for measure, number in fact.values.items():
                add_value(histograms[stratum_key(dimension.value, value)][measure.value], measure, number)
    return histograms
