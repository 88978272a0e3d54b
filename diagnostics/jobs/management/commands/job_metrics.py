"""`manage.py job_metrics`: counts and attempts of the background jobs, as text or JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from diagnostics.jobs.metrics import JobMetrics, job_metrics


class Command(BaseCommand):
    help = "Print the metrics of each type of background job."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the output format."""
        parser.add_argument("--json", action="store_true", help="print JSON, for a monitoring system")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one block for each job type, or one JSON list."""
        metrics = job_metrics(now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in metrics], indent=2))
            return
        for one in metrics:
            self.stdout.write("\n".join(_lines(one)))


def _lines(metrics: JobMetrics) -> Iterator[str]:
    yield metrics.job_type
    yield f"  queued {metrics.queued}, running {metrics.running}, done {metrics.done}"
    yield f"  failed: {_listed(metrics.failed)}"
    yield f"  jobs by attempts: {_listed(metrics.attempts)}"
    age = metrics.oldest_queued_seconds
    yield f"  oldest queued job: {'none' if age is None else f'{age:.0f} s'}"


def _listed(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{key}: {count}" for key, count in counts.items()) or "none"
