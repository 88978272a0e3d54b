"""Background jobs that failed, by kind and day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.cases.models import Prediction
from diagnostics.imports.models import Import
from diagnostics.jobs.models import JobStatus
from diagnostics.training.models import TrainingRun


@dataclass(frozen=True)
class Failures:
    """The failed jobs of a period; `by_day` has an entry for each of its days, the oldest first."""

    predictions: int
    imports: int
    runs: int
    by_day: list[tuple[date, int]]

    @property
    def total(self) -> int:
        """Return the number of failed jobs of all kinds."""
        return self.predictions + self.imports + self.runs


def failures(user: User, *, now: datetime, days: int) -> Failures:
    """Return the failed predictions and imports of the user's sites, and the failed training runs."""
    sites = list(user.sites.values_list("pk", flat=True))
    today = timezone.localdate(now)
    listed = [today - timedelta(days=back) for back in reversed(range(days))]
    predictions = _failed(Prediction.objects.filter(case__site__in=sites), since=listed[0])
    imports = _failed(Import.objects.filter(site__in=sites), since=listed[0])
    runs = _failed(TrainingRun.objects.all(), since=listed[0])
    total = predictions + imports + runs
    by_day = [(day, total[day]) for day in listed]
    return Failures(predictions.total(), imports.total(), runs.total(), by_day)


def _failed(jobs: QuerySet[Any], *, since: date) -> Counter[date]:
    failed = jobs.filter(status=JobStatus.FAILED, finished_at__isnull=False).order_by()
    start = timezone.make_aware(datetime.combine(since, time.min))  # a time, for the index
    by_day = failed.filter(finished_at__gte=start).annotate(day=TruncDate("finished_at"))
    return Counter(dict(by_day.values_list("day").annotate(jobs=Count("pk"))))
