"""What happened in a period, one value per prediction, first reading or randomly drawn final case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, UUIDField
from django.db.models.lookups import In

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Prediction, PredictionOutcome
from diagnostics.cases.selectors.predictions import IS_DONE, newest_of_one_finding
from diagnostics.findings import Finding
from diagnostics.jobs.models import JobStatus
from diagnostics.keyset import Unindexed, equal_unindexed, null_unindexed
from diagnostics.monitoring.measures import IMAGE_MEASURES, Measure
from diagnostics.monitoring.models import Count, Dimension
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Claim, Consensus, ConsensusStatus, ReadingKind, ServedReason
from diagnostics.review.selectors.case_entries import TARGET, is_flagged
from diagnostics.review.selectors.readings import ARE_FIRST, standing_readings

AGE_BANDS: Final = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"))
OLDEST: Final = "80+"
STRATUM: Final = ("view", "sex", "age", "device")
COLUMNS: Final = (
    *("version", "status", "failure_code", "outcome", "quality_code", "queued_at", "started_at"),
    *("finished_at", "probabilities", "out_of_distribution", "input_measures"),
)
NO_COPY: Final = null_unindexed("case__copy_of_id")
Row = dict[str, Any]


@dataclass(frozen=True)
class Fact:
    """What one event adds to the aggregates of its time, site, version and strata."""

    at: datetime
    site: UUID
    version: UUID | None
    strata: dict[Dimension, str]
    counts: tuple[str, ...]
    values: dict[Measure, float] = field(default_factory=dict)


def facts_between(start: datetime, end: datetime) -> Iterator[Fact]:
    """Yield all facts of a period; imported cases and control cases are left out."""
    yield from map(_of_prediction, _rows(_finished(start, end)))
    yield from _of_readings(start, end)
    yield from _of_random_cases(start, end)


def first_scored(version: ModelVersion, site: Site, *, most: int) -> list[Fact]:
    """Return the first predictions of a version at a site that were scored and whose input was measured."""
    scored = (
        _live(Prediction.objects.filter(IS_DONE, version=version, case__site=site))
        .exclude(outcome=PredictionOutcome.NOT_SCORED)
        .exclude(input_measures={})
    )
    return list(map(_of_prediction, _rows(scored.order_by("finished_at")[:most])))


def _finished(start: datetime, end: datetime) -> QuerySet[Prediction]:
    finished = Prediction.objects.filter(finished_at__gte=start, finished_at__lt=end)
    ended = In(Unindexed(F("status")), (JobStatus.DONE, JobStatus.FAILED))  # true of almost all
    return _live(finished.filter(ended)).order_by()


def _live(predictions: QuerySet[Prediction]) -> QuerySet[Prediction]:
    return predictions.filter(NO_COPY, case__on_worklist=True)


def _rows(predictions: QuerySet[Prediction]) -> Iterator[Row]:
    strata = {name: F(f"case__radiograph__{name}") for name in STRATUM}
    rows = predictions.annotate(site=F("case__site"), **strata)
    return rows.values(*COLUMNS, "site", *STRATUM).iterator()


def _of_prediction(row: Row) -> Fact:
    return Fact(
        at=row["finished_at"],
        site=row["site"],
        version=row["version"],
        strata=_strata(row),
        counts=_counts(row),
        values=dict(_values(row)),
    )


def _counts(row: Row) -> tuple[str, ...]:
    if row["status"] == JobStatus.FAILED:
        return Count.FAILED.value, f"{Count.FAILED.value}:{row['failure_code']}"
    if row["outcome"] == PredictionOutcome.NOT_SCORED:
        return Count.STOPPED.value, f"{Count.STOPPED.value}:{row['quality_code']}"
    distant = row["outcome"] == PredictionOutcome.OUT_OF_DISTRIBUTION
    return (Count.DONE.value, Count.DISTANT.value) if distant else (Count.DONE.value,)


def _values(row: Row) -> Iterator[tuple[Measure, float]]:
    if row["started_at"]:
        yield Measure.WAITED, (row["started_at"] - row["queued_at"]).total_seconds()
        yield Measure.RAN, (row["finished_at"] - row["started_at"]).total_seconds()
    if row["status"] != JobStatus.DONE:
        return
    if TARGET in row["probabilities"]:
        yield Measure.SCORE, row["probabilities"][TARGET]
    if "knn" in row["out_of_distribution"]:
        yield Measure.DISTANCE, row["out_of_distribution"]["knn"]["value"]
    for measure in IMAGE_MEASURES:
        if measure.value in row["input_measures"]:
            yield measure, row["input_measures"][measure.value]


def _strata(row: Row) -> dict[Dimension, str]:
    return {
        Dimension.VIEW: row["view"] or "",
        Dimension.SEX: row["sex"] or "",
        Dimension.AGE: age_band(row["age"]),
        Dimension.DEVICE: (row["device"] or "")[:100],
    }


def age_band(age: int | None) -> str:
    """Return the band of an age in years; empty where it is unknown."""
    if age is None:
        return ""
    return next((band for below, band in AGE_BANDS if age < below), OLDEST)


def _of_readings(start: datetime, end: datetime) -> Iterator[Fact]:
    """Yield the first readings whose case had an AI result that names one finding."""
    newest = newest_of_one_finding()
    readings = (
        standing_readings()
        .filter(ARE_FIRST, signed_at__gte=start, signed_at__lt=end, kind=ReadingKind.READING)
        .filter(NO_COPY, case__on_worklist=True, case__withdrawn_at=None)
        .exclude(finding=Finding.CANNOT_JUDGE)
        .annotate(predicted=Subquery(newest.values("finding")[:1]))
        .annotate(
            version=Subquery(newest.values("version")[:1], output_field=UUIDField()), site=F("case__site")
        )
        .exclude(predicted=None)
        .annotate(**{name: F(f"case__radiograph__{name}") for name in STRATUM})
    )
    columns = ("signed_at", "site", "version", "finding", "predicted", *STRATUM)
    for row in readings.order_by().values(*columns).iterator():
        agreed = (Count.AGREED.value,) if row["finding"] == row["predicted"] else ()
        counts = (Count.COMPARED.value, *agreed)
        yield Fact(row["signed_at"], row["site"], row["version"], _strata(row), counts)


def _of_random_cases(start: datetime, end: datetime) -> Iterator[Fact]:
    """Yield the randomly drawn cases that became final, which estimate performance without selection bias."""
    drawn = Claim.objects.filter(case=OuterRef("case"), served=ServedReason.RANDOM)
    final = Consensus.objects.filter(
        Exists(drawn),
        equal_unindexed("status", ConsensusStatus.FINAL),
        NO_COPY,
        case__site__in=list(Site.objects.values_list("pk", flat=True)),  # ids, for the index on it
        case__withdrawn_at=None,
        case__finalized_at__gte=start,
        case__finalized_at__lt=end,
    ).exclude(finding=Finding.CANNOT_JUDGE)
    findings = dict(final.values_list("case", "finding"))
    predictions = Prediction.objects.filter(IS_DONE, case__in=findings)
    newest = {
        each.case_id: each
        for each in predictions.select_related("case__radiograph").order_by("queued_at")
        if TARGET in each.probabilities
    }
    for case_id, prediction in newest.items():
        case, radiograph = prediction.case, prediction.case.radiograph
        assert case.finalized_at is not None  # the query's condition
        strata = _strata({name: getattr(radiograph, name) for name in STRATUM})
        count = _confusion(
            flagged=is_flagged(prediction.probabilities, prediction.operating_points),
            positive=findings[case_id] == TARGET,
        )
        yield Fact(case.finalized_at, case.site_id, prediction.version_id, strata, (count.value,))


def _confusion(*, flagged: bool, positive: bool) -> Count:
    if positive:
        return Count.TRUE_POSITIVE if flagged else Count.FALSE_NEGATIVE
    return Count.FALSE_POSITIVE if flagged else Count.TRUE_NEGATIVE
