"""Shadow runs, the cases that they have to score, and their jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from diagnostics.cases.models import Prediction, PredictionOutcome
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.monitoring.models import ShadowPrediction, ShadowRun
from diagnostics.registry.models import ModelVersion

MOST_QUEUED: Final = 500  # cases of one periodic task


def runs() -> QuerySet[ShadowRun]:
    """Return all shadow runs, newest first."""
    return ShadowRun.objects.select_related("version", "against__version", "started_by", "ended_by")


def open_runs() -> QuerySet[ShadowRun]:
    """Return the shadow runs that have not ended."""
    return runs().filter(ended_at=None)


def latest_run(version: ModelVersion) -> ShadowRun | None:
    """Return the newest shadow run of a version."""
    return runs().filter(version=version).first()


def oldest_open_prediction() -> datetime | None:
    """Return when the oldest open prediction was queued."""
    oldest: datetime | None = Prediction.objects.filter(status__in=OPEN_STATUSES).aggregate(
        oldest=Min("queued_at")
    )["oldest"]
    return oldest


def is_prediction_queued() -> bool:
    """Return whether a case waits for the prediction of the active version."""
    return Prediction.objects.filter(status=JobStatus.QUEUED).exists()


def unscored_predictions(run: ShadowRun) -> QuerySet[Prediction]:
    """Return predictions of the active version whose cases the run has not queued, oldest first.

    Those of cases on the worklist, finished during the run; no control copies, which repeat a radiograph.
    """
    own = ShadowPrediction.objects.filter(run=run, case=OuterRef("case"))
    finished = Prediction.objects.filter(
        status=JobStatus.DONE,
        version=run.against.version_id,
        queued_at__gte=run.covers_from,
        finished_at__gte=run.started_at,
        case__copy_of=None,
        case__on_worklist=True,
        case__withdrawn_at=None,
    )
    unscored = finished.exclude(outcome=PredictionOutcome.NOT_SCORED).exclude(Exists(own))
    return unscored.order_by("queued_at")[:MOST_QUEUED]


def due_messages(*, now: datetime, most: int) -> list[ShadowPrediction]:
    """Return queued jobs to send, so that no more than `most` messages are in the broker, oldest first."""
    queued = ShadowPrediction.objects.filter(status=JobStatus.QUEUED)
    sent = queued.filter(lease_until__gt=now).count()
    due = queued.filter(Q(lease_until=None) | Q(lease_until__lte=now)).order_by("queued_at")
    return list(due[: max(0, most - sent)])


def counts_by_status(run: UUID) -> dict[str, int]:
    """Return the number of jobs of a run by status, for every status."""
    rows = ShadowPrediction.objects.filter(run=run).order_by().values_list("status").annotate(Count("pk"))
    return dict.fromkeys(JobStatus.values, 0) | dict(rows)
