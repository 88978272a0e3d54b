"""Metrics of background jobs, one record for each job type of the installed apps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import Count, Min, QuerySet

from diagnostics.jobs.models import Job, JobStatus


@dataclass(frozen=True)
class JobMetrics:
    """Counts of one job type."""

    job_type: str  # app label and model name
    queued: int
    running: int
    done: int
    failed: dict[str, int]  # failure code -> jobs
    attempts: dict[int, int]  # attempts -> jobs
    oldest_queued_seconds: float | None  # age of the oldest queued job
    without_heartbeat: int = 0  # running jobs whose lease has expired


def job_types() -> list[type[Job]]:
    """Return the job models of the installed apps."""
    return [model for model in apps.get_models() if issubclass(model, Job)]


def job_metrics(*, now: datetime) -> list[JobMetrics]:
    """Return the metrics of each job type."""
    return [_metrics_of(job_type._default_manager.order_by(), now) for job_type in job_types()]


def _metrics_of(jobs: QuerySet[Job], now: datetime) -> JobMetrics:
    statuses = _counts(jobs, "status")
    oldest = jobs.filter(status=JobStatus.QUEUED).aggregate(oldest=Min("queued_at"))["oldest"]
    return JobMetrics(
        job_type=jobs.model._meta.label_lower,
        queued=statuses.get(JobStatus.QUEUED, 0),
        running=statuses.get(JobStatus.RUNNING, 0),
        done=statuses.get(JobStatus.DONE, 0),
        failed=_counts(jobs.filter(status=JobStatus.FAILED), "failure_code"),
        attempts=_counts(jobs, "attempts"),
        oldest_queued_seconds=(now - oldest).total_seconds() if oldest else None,
        without_heartbeat=jobs.filter(status=JobStatus.RUNNING, lease_until__lt=now).count(),
    )


def _counts(jobs: QuerySet[Job], column: str) -> dict[Any, int]:
    return dict(jobs.values_list(column).annotate(jobs=Count("pk")).order_by(column))
