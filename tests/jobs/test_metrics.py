"""Metrics of background jobs and the command that prints them."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta

import pytest
from django.core.management import call_command

from diagnostics.imports.models import Import
from diagnostics.jobs.metrics import JobMetrics, job_metrics, job_types
from diagnostics.jobs.models import JobStatus
from diagnostics.training.models import TrainingRun

pytestmark = pytest.mark.django_db


def create_run(number: int, status: JobStatus, queued_at: datetime, **columns: object) -> TrainingRun:
    return TrainingRun.objects.create(number=number, status=status, queued_at=queued_at, **columns)


def metrics_of_runs(now: datetime) -> JobMetrics:
    return next(one for one in job_metrics(now=now) if one.job_type == "training.trainingrun")


def test_every_job_type_of_the_installed_apps_is_measured(now: datetime) -> None:
    assert {TrainingRun, Import} <= set(job_types())
    assert [one.job_type for one in job_metrics(now=now)] == [job._meta.label_lower for job in job_types()]


def test_a_type_without_jobs_has_zero_counts_and_no_age(now: datetime) -> None:
    assert metrics_of_runs(now) == JobMetrics("training.trainingrun", 0, 0, 0, {}, {}, None)


def test_jobs_are_counted_by_status_failure_code_and_attempts(now: datetime) -> None:
    earlier = now - timedelta(hours=1)
    create_run(1, JobStatus.DONE, earlier, attempts=1)
    create_run(2, JobStatus.FAILED, earlier, attempts=3, failure_code="worker_lost")
    create_run(3, JobStatus.FAILED, earlier, attempts=1, failure_code="out_of_time")
    create_run(4, JobStatus.FAILED, earlier, attempts=1, failure_code="out_of_time")
    create_run(5, JobStatus.QUEUED, now - timedelta(seconds=90))

    metrics = metrics_of_runs(now)

    assert (metrics.queued, metrics.running, metrics.done) == (1, 0, 1)
    assert metrics.failed == {"out_of_time": 2, "worker_lost": 1}
    assert metrics.attempts == {0: 1, 1: 3, 3: 1}
    assert metrics.oldest_queued_seconds == 90


def test_the_command_prints_text(now: datetime) -> None:
    create_run(1, JobStatus.FAILED, now, attempts=3, failure_code="worker_lost")
    output = io.StringIO()

    call_command("job_metrics", stdout=output)

    assert (
        "training.trainingrun\n  queued 0, running 0, done 0\n  failed: worker_lost: 1\n" in output.getvalue()
    )
    assert "jobs by attempts: 3: 1\n  oldest queued job: none" in output.getvalue()


def test_the_command_prints_json(now: datetime) -> None:
    create_run(1, JobStatus.QUEUED, now)
    output = io.StringIO()

    call_command("job_metrics", "--json", stdout=output)

    by_type = {one["job_type"]: one for one in json.loads(output.getvalue())}
    assert by_type["training.trainingrun"]["queued"] == 1
    assert by_type["training.trainingrun"]["oldest_queued_seconds"] > 0
