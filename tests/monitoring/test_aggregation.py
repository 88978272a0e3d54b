"""Aggregates: what they count, that computing a day again changes nothing, and what starts it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from django.core.management import call_command
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Prediction
from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring.measures import Measure, add_value, quantile
from diagnostics.monitoring.models import Aggregate, Dimension, Period
from diagnostics.monitoring.policy import HOURS_KEPT, MOST_DEVICES
from diagnostics.monitoring.selectors.facts import age_band
from diagnostics.monitoring.services import aggregation
from diagnostics.review.models import Claim, ServedReason
from diagnostics.review.services import readings
from tests.monitoring.conftest import Store

DAY = date(2026, 3, 2)


def rows(dimension: Dimension = Dimension.ALL, period: Period = Period.DAY) -> dict[str, dict[str, int]]:
    found = Aggregate.objects.filter(dimension=dimension, period=period).order_by("start", "value")
    return {row.value or f"{row.start:%H:%M}": row.counts for row in found}


def test_ends_are_counted_by_hour_day_code_and_stratum(store: Store, site: Site, now: datetime) -> None:
    store(1)
    store(2, at=now + timedelta(hours=1), view="AP", sex="M", age=17, outcome="out-of-distribution")
    store(3, outcome="not-scored", quality_code="inverted", view="", age=None)
    store(4, status=JobStatus.FAILED, failure_code="model_damaged", version=None, started_at=None)

    aggregation.aggregate_day(DAY, now=now)

    whole = Aggregate.objects.get(period=Period.DAY, dimension=Dimension.ALL, version__isnull=False)
    assert (whole.site, whole.start) == (site, datetime(2026, 3, 2, tzinfo=UTC))
    assert whole.counts == {"done": 2, "distant": 1, "stopped": 1, "stopped:inverted": 1}
    failed = Aggregate.objects.get(period=Period.DAY, dimension=Dimension.ALL, version=None)
    assert failed.counts == {"failed": 1, "failed:model_damaged": 1}
    hours = Aggregate.objects.filter(period=Period.HOUR, version__isnull=False).order_by("start")
    assert [(row.start.hour, row.counts.get("done")) for row in hours] == [(9, 1), (10, 1)]
    ages = Aggregate.objects.filter(dimension=Dimension.AGE, version__isnull=False).order_by("value")
    assert [(row.value, row.counts.get("done")) for row in ages] == [("", None), ("0-17", 1), ("60-79", 1)]


def test_imported_cases_and_control_cases_are_left_out(
    store: Store, radiologist: User, now: datetime
) -> None:
    original, imported, copy = store(1), store(2), store(3)
    Case.objects.filter(pk=imported.case_id).update(on_worklist=False)
    Case.objects.filter(pk=copy.case_id).update(copy_of=original.case, shown_only_to=radiologist)

    aggregation.aggregate_day(DAY, now=now)

    assert rows() == {"00:00": {"done": 1}}


def test_a_day_that_is_computed_again_has_the_same_rows(store: Store, now: datetime) -> None:
    for seed in range(5):
        store(seed, at=now + timedelta(minutes=seed))

    def contents() -> list[tuple[object, ...]]:
        columns = ("period", "start", "dimension", "value", "counts", "histograms")
        return sorted(map(repr, Aggregate.objects.values_list(*columns)))  # type: ignore[arg-type]

    first = aggregation.aggregate_day(DAY, now=now), contents()
    second = aggregation.aggregate_day(DAY, now=now), contents()

    assert first == second
    assert first[0] == 6  # one hour, and one row of the day for each of five dimensions


def test_the_days_since_the_last_aggregates_are_made_up_for(store: Store, now: datetime) -> None:
    store(1, at=now - timedelta(days=9))
    aggregation.aggregate_recent(now=now - timedelta(days=9))
    store(2, at=now - timedelta(days=8))
    store(3, at=now - timedelta(days=9) + timedelta(hours=1))
    store(4)

    aggregation.aggregate_recent(now=now)

    found = Aggregate.objects.filter(period=Period.DAY, dimension=Dimension.ALL).order_by("start")
    assert [row.counts["done"] for row in found] == [2, 1, 1]


def test_hours_are_dropped_after_two_weeks_and_days_stay(store: Store, now: datetime) -> None:
    store(1, at=now - timedelta(days=1))
    aggregation.aggregate_recent(now=now)

    aggregation.aggregate_recent(now=now + HOURS_KEPT)

    assert set(Aggregate.objects.values_list("period", flat=True)) == {"day"}


def test_the_command_aggregates_the_history_that_the_periodic_task_leaves_out(
    store: Store, now: datetime
) -> None:
    store(1, at=now - timedelta(days=400))
    aggregation.aggregate_recent(now=now)
    assert not Aggregate.objects.exists()

    call_command("aggregate_monitoring", "--until", "2026-03-02")

    assert rows() == {"00:00": {"done": 1}}


def test_rare_devices_share_a_row(store: Store, now: datetime) -> None:
    for number in range(MOST_DEVICES + 3):
        store(number, device=f"Device {number:02}")

    aggregation.aggregate_day(DAY, now=now)

    devices = rows(Dimension.DEVICE)
    assert len(devices) == MOST_DEVICES + 1
    assert devices["other"] == {"done": 3}


def test_a_device_named_like_the_shared_row_is_counted(store: Store, now: datetime) -> None:
    for number in range(MOST_DEVICES):
        for part in range(2):
            store(2 * number + part, device=f"Device {number:02}")
    for number, name in enumerate(("a rare one", "other", "a rare one")):
        store(100 + number, device=name)

    aggregation.aggregate_day(DAY, now=now)

    assert rows(Dimension.DEVICE)["other"] == {"done": 3}


def test_a_day_may_begin_inside_an_hour_of_utc(store: Store, settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"  # midnight is 18:30 UTC
    store(1, at=datetime(2026, 3, 2, 18, 10, tzinfo=UTC))
    store(2, at=datetime(2026, 3, 2, 18, 45, tzinfo=UTC))

    for minute in (50, 55):
        aggregation.aggregate_recent(now=datetime(2026, 3, 2, 18, minute, tzinfo=UTC))

    assert rows(period=Period.HOUR) == {"18:00": {"done": 1}, "18:30": {"done": 1}}
    assert rows() == {"18:30": {"done": 1}}  # both days begin at this time


def test_readings_are_compared_with_the_newest_ai_result(
    store: Store, radiologist: User, now: datetime
) -> None:
    for seed, finding in enumerate(("normal", "normal", "pneumonia", "cannot-judge")):
        prediction = store(seed, finding="normal")
        readings.sign_reading(case=prediction.case, by=radiologist, finding=finding, now=now)
    stopped = store(9, outcome="not-scored", finding="")
    readings.sign_reading(case=stopped.case, by=radiologist, finding="normal", now=now)

    aggregation.aggregate_day(DAY, now=now)

    counts = rows()["00:00"]
    assert (counts["agreed"], counts["compared"]) == (2, 3)


def test_only_randomly_drawn_cases_estimate_sensitivity_and_specificity(
    store: Store, radiologist: User, now: datetime
) -> None:
    # finding of the reader, probability (flagged from 0.4), why the case was served
    drawn = (
        ("covid-19", 0.9, ServedReason.RANDOM),
        ("covid-19", 0.1, ServedReason.RANDOM),
        ("normal", 0.1, ServedReason.RANDOM),
        ("pneumonia", 0.9, ServedReason.RANDOM),
        ("covid-19", 0.9, ServedReason.UNCERTAIN),
        ("cannot-judge", 0.9, ServedReason.RANDOM),
    )
    for seed, (finding, score, served) in enumerate(drawn):
        case = store(seed, probabilities={"covid-19": score, "normal": 1 - score}).case
        readings.sign_reading(case=case, by=radiologist, finding=finding, now=now)
        Claim.objects.create(case=case, by=radiologist, served=served, since=now, until=now, ended_at=now)

    aggregation.aggregate_day(DAY, now=now)

    counts = rows()["00:00"]
    outcomes = ("true_positive", "false_negative", "true_negative", "false_positive")
    assert [counts.get(name) for name in outcomes] == [1, 1, 1, 1]


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_quantiles_of_a_histogram_are_those_of_numpy_within_a_bin(share: float) -> None:
    waited = np.random.default_rng(4).lognormal(3, 1.5, 2000)
    histogram: dict[str, int] = {}
    for value in waited:
        add_value(histogram, Measure.WAITED, float(value))

    found = quantile(histogram, Measure.WAITED, share)

    assert found == pytest.approx(np.quantile(waited, share), rel=10 ** (1 / 20) - 1)
    assert quantile({}, Measure.WAITED, share) is None


@pytest.mark.parametrize(
    ("age", "band"), [(None, ""), (0, "0-17"), (18, "18-39"), (79, "60-79"), (80, "80+")]
)
def test_ages_fall_into_bands(age: int | None, band: str) -> None:
    assert age_band(age) == band


def test_predictions_without_measures_are_counted(store: Store, now: datetime) -> None:
    store(1, input_measures={}, out_of_distribution={}, probabilities={})

    aggregation.aggregate_day(DAY, now=now)

    whole = Aggregate.objects.get(period=Period.DAY, dimension=Dimension.ALL)
    assert whole.counts == {"done": 1}
    assert set(whole.histograms) == {"waited", "ran"}
    assert Prediction.objects.count() == 1
