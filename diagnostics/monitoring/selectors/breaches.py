"""What is beyond its limit at a site now: the conditions of the alert rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from diagnostics.accounts.models import Site
from diagnostics.monitoring import policy
from diagnostics.monitoring.measures import DRIFT_MEASURES, Measure, quantile
from diagnostics.monitoring.models import Count
from diagnostics.monitoring.policy import Rule, State
from diagnostics.monitoring.selectors import aggregates, references
from diagnostics.monitoring.selectors.aggregates import Totals
from diagnostics.monitoring.selectors.references import Baseline
from diagnostics.registry import policy as evaluations
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion


@dataclass(frozen=True)
class Breach:
    """A value beyond its limit, estimated from some cases of a window that ends now."""

    rule: Rule
    subject: str  # the measure of a drift, else empty
    version: UUID | None
    value: float
    limit: float
    cases: int
    window: timedelta


def breaches(site: Site, *, now: datetime) -> list[Breach]:
    """Return what is beyond its limit at a site, once for each rule and subject."""
    version = registry.active_version()
    baseline = next(iter(references.baselines(version, [site])), Baseline(None, None))
    found: dict[tuple[Rule, str], Breach] = {}
    for window in policy.WINDOWS:
        rows = aggregates.hours_since(site, now - window)
        everything = aggregates.total(rows)
        active = aggregates.total(aggregates.of_version(rows, version.pk)) if version else Totals()
        for breach in (
            *_of_jobs(everything, window),
            *_of_drift(active, baseline, version, window),
        ):
            found.setdefault((breach.rule, breach.subject), breach)
    for breach in _of_readings(site, version, now=now):
        found.setdefault((breach.rule, breach.subject), breach)
    return list(found.values())


def _of_jobs(totals: Totals, window: timedelta) -> Iterator[Breach]:
    """Yield what radiographs of all versions show: stops, failures, distances and waiting times."""
    shares = (
        (Rule.STOPPED, Count.STOPPED, totals.finished, policy.STOPPED_LIMIT),
        (Rule.FAILED, Count.FAILED, totals.finished, policy.FAILED_LIMIT),
        (Rule.DISTANT, Count.DISTANT, totals.count(Count.DONE), policy.DISTANT_LIMIT),
    )
    for rule, count, of, limit in shares:
        number = totals.count(count)
        if policy.share_state(number, of, limit) == State.BEYOND:
            yield Breach(rule, "", None, number / of, limit, of, window)
    waited = totals.histogram(Measure.WAITED)
    slowest, limit = quantile(waited, Measure.WAITED, 0.95), policy.WAITING_LIMIT.total_seconds()
    if slowest is not None and sum(waited.values()) >= policy.MIN_CASES and slowest > limit:
        yield Breach(Rule.WAITING, "", None, slowest, limit, sum(waited.values()), window)


def _of_drift(
    totals: Totals, baseline: Baseline, version: ModelVersion | None, window: timedelta
) -> Iterator[Breach]:
    for measure in DRIFT_MEASURES:
        drift = references.drift_of(measure, baseline.histogram(measure), totals.histogram(measure))
        if drift is not None and policy.drift_state(drift) == State.BEYOND:
            rule = Rule.SCORE_DRIFT if measure == Measure.SCORE else Rule.INPUT_DRIFT
            key = version.pk if version else None
            yield Breach(rule, measure.value, key, drift.psi, policy.PSI_LIMIT, drift.n, window)


def _of_readings(site: Site, version: ModelVersion | None, *, now: datetime) -> Iterator[Breach]:
    """Yield what readings show of the active version, against the intervals of its test set."""
    if version is None:
        return
    days = aggregates.days_since([site], now - policy.READING_WINDOW)
    totals = aggregates.total(aggregates.of_version(aggregates.of_all(days), version.pk))
    for rule, proportion, floor in (
        (Rule.AGREEMENT, totals.agreement, accuracy_floor(version)),
        (Rule.SENSITIVITY, totals.sensitivity, sensitivity_floor(version)),
    ):
        state = policy.floor_state(proportion.count, proportion.total, floor)
        if state == State.BEYOND and floor is not None:
            yield Breach(
                rule, "", version.pk, proportion.value, floor, proportion.total, policy.READING_WINDOW
            )


def accuracy_floor(version: ModelVersion | None) -> float | None:
    """Return the lower bound of the accuracy on the test set; None if the version was not evaluated."""
    stored = evaluations.first_evaluation(version.manifest) if version else None
    return _low((stored or {}).get("accuracy"))


def sensitivity_floor(version: ModelVersion | None) -> float | None:
    """Return the lower bound of the flag's sensitivity on the test set; None if it was not evaluated."""
    stored = evaluations.first_evaluation(version.manifest) if version else None
    of_class = ((stored or {}).get("per_class") or {}).get(evaluations.COVID_19) or {}
    return _low(of_class.get("flag_sensitivity"))


def _low(estimate: object) -> float | None:
    if not isinstance(estimate, dict) or (estimate.get("n") or 0) < policy.MIN_CASES:
        return None
    low = estimate.get("low")
    return float(low) if low is not None else None
