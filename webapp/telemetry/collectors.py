"""Metrics read from the database and the disk at each scrape, with the same values in every process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.db import Error
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from diagnostics.cases.metrics import predictions_by_version
from diagnostics.jobs import heartbeats
from diagnostics.jobs.metrics import JobMetrics, job_metrics
from diagnostics.jobs.models import Heartbeat
from diagnostics.registry import selectors as registry

CACHE_KEY: Final = "telemetry-stored-state"
CACHE_SECONDS: Final = 10  # so that several scrapers cost the database no more than one

State = tuple[list[JobMetrics], dict[int, int], int | None, list[Heartbeat]]


class StoredState(Collector):
    """The jobs, the predictions and the active version as the database has them at one time."""

    def __init__(self, *, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; without a database only those that need none."""
        yield _gauge("readroom_home_free_bytes", "Free space of the home.", _free_bytes())
        try:
            jobs, predictions, active, beats = self._state()
        except Error:
            yield _gauge("readroom_database_up", "Whether the database answers.", 0)
            return
        yield _gauge("readroom_database_up", "Whether the database answers.", 1)
        yield from _of_jobs(jobs)
        yield _of_predictions(predictions)
        yield _of_heartbeats(beats, self._now)
        yield _gauge(
            "readroom_active_version", "Number of the active model version, 0 for none.", active or 0
        )

    def _state(self) -> State:
        state: State | None = cache.get(CACHE_KEY)
        if state is None:
            version = registry.active_version()
            number = version.number if version else None
            beats = heartbeats.latest(now=self._now)
            state = (job_metrics(now=self._now), predictions_by_version(), number, beats)
            cache.set(CACHE_KEY, state, CACHE_SECONDS)
        return state


def _free_bytes() -> float:
    return shutil.disk_usage(settings.READROOM_HOME).free


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _of_jobs(job_types: list[JobMetrics]) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("readroom_jobs", "Background jobs by status.", labels=["job_type", "status"])
    failed = GaugeMetricFamily("readroom_failed_jobs", "Failed jobs by code.", labels=["job_type", "code"])
    attempts = GaugeMetricFamily(
        "readroom_job_attempts", "Background jobs by number of attempts.", labels=["job_type", "attempts"]
    )
    age = GaugeMetricFamily(
        "readroom_oldest_queued_job_seconds", "Age of the oldest queued job, 0 for none.", labels=["job_type"]
    )
    lost = GaugeMetricFamily(
        "readroom_jobs_without_heartbeat", "Running jobs whose lease has expired.", labels=["job_type"]
    )
    for one in job_types:
        for status, count in (("queued", one.queued), ("running", one.running), ("done", one.done)):
            jobs.add_metric([one.job_type, status], count)
        jobs.add_metric([one.job_type, "failed"], sum(one.failed.values()))
        for code, count in one.failed.items():
            failed.add_metric([one.job_type, code], count)
        for number, count in one.attempts.items():
            attempts.add_metric([one.job_type, str(number)], count)
        age.add_metric([one.job_type], one.oldest_queued_seconds or 0)
        lost.add_metric([one.job_type], one.without_heartbeat)
    return iter((jobs, failed, attempts, age, lost))


def _of_predictions(counts: dict[int, int]) -> Metric:
    predictions = GaugeMetricFamily(
        "readroom_predictions", "Stored predictions by model version.", labels=["version"]
    )
    for version, count in counts.items():
        predictions.add_metric([str(version)], count)
    return predictions


def _of_heartbeats(beats: list[Heartbeat], now: datetime) -> Metric:
    ages = GaugeMetricFamily(
        "readroom_heartbeat_age_seconds",
        "Time since the last heartbeat of a worker or the scheduler.",
        labels=["process", "host"],
    )
    for beat in beats:
        if beat.at is not None:
            ages.add_metric([beat.name, beat.host], max((now - beat.at).total_seconds(), 0))
    return ages
