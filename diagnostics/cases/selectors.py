"""Reads of cases: visibility, lists, predictions, files, and predictions to enqueue again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.cases import storage
from diagnostics.cases.models import Case, Prediction, Priority, Radiograph
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion

STARTED: Final = (JobStatus.RUNNING, JobStatus.DONE, JobStatus.FAILED)
NEWEST_FIRST: Final = "-opened_at"
ORDERINGS: Final[dict[str, tuple[str, ...]]] = {
    "opened_at": ("opened_at", "pk"),
    "-opened_at": ("-opened_at", "pk"),
    "priority": ("priority_rank", "opened_at", "pk"),
    "-priority": ("-priority_rank", "opened_at", "pk"),
    "accession_number": ("accession_number", "pk"),
    "-accession_number": ("-accession_number", "pk"),
}


def visible_to(user: User) -> QuerySet[Case]:
    """Return the cases of the user's sites; none without the permission to see cases.

    A control copy is visible to its one reader only.
    """
    if not user.has_permission(Permission.SEE_CASES):
        return Case.objects.none()
    # Ids instead of a subquery: for one site the database then scans an index in order.
    cases = Case.objects.filter(site__in=list(user.sites.values_list("pk", flat=True)))
    return cases.filter(Q(shown_only_to=None) | Q(shown_only_to=user))


def case_list(user: User, *, status: str = "", ordering: str = "") -> QuerySet[Case]:
    """Return visible cases with `prediction_status`; an unknown ordering means newest first."""
    order = ORDERINGS.get(ordering, ORDERINGS[NEWEST_FIRST])
    cases = (
        with_predictions(visible_to(user)).order_by(*order).annotate(prediction_status=_prediction_status())
    )
    if not status:
        return cases
    if status == JobStatus.DONE:
        return cases.filter(prediction_status=status)
    # Few of many predictions are open or failed; this condition selects them by an index.
    few = Prediction.objects.filter(status=status).values("case")
    return cases.filter(prediction_status=status, pk__in=few)


def with_predictions(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Add radiographs, predictions (newest first) and RT-PCR results to the query."""
    predictions = Prediction.objects.select_related("version").order_by("-queued_at")
    return cases.select_related("radiograph").prefetch_related(
        Prefetch("predictions", predictions), "pcr_results__by"
    )


def counts_by_status(user: User) -> dict[str, int]:
    """Return the number of visible cases by the status of their latest prediction, for every status."""
    cases = visible_to(user).order_by().annotate(prediction_status=_prediction_status())
    rows = cases.values_list("prediction_status").annotate(Count("pk"))
    return dict.fromkeys(JobStatus.values, 0) | {status: count for status, count in rows if status}


def _prediction_status() -> Subquery:
    return Subquery(
        Prediction.objects.filter(case=OuterRef("pk")).order_by("-queued_at").values("status")[:1]
    )


def latest_prediction(case: Case) -> Prediction | None:
    """Return the newest prediction of a case, without a query where predictions were prefetched."""
    return next(iter(case.predictions.all()), None)


def latest_done_prediction(case: Case) -> Prediction | None:
    """Return the newest finished prediction of a case, which remains valid while a new one is computed."""
    return next((each for each in case.predictions.all() if each.status == JobStatus.DONE), None)


def is_prediction_open(case: Case) -> bool:
    """Return whether a case waits for its first prediction."""
    latest = latest_prediction(case)
    return (
        latest is not None
        and latest.status in (JobStatus.QUEUED, JobStatus.RUNNING)
        and latest_done_prediction(case) is None
    )


def has_prediction(case: Case, version: ModelVersion) -> bool:
    """Return whether a version has a finished prediction for a case."""
    return case.predictions.filter(version=version, status=JobStatus.DONE).exists()


def radiograph_path(radiograph: Radiograph) -> Path:
    """Return the path of the 16-bit grey PNG, the input of networks."""
    return storage.path(storage.radiograph_files(radiograph.pk).grey)


def display_path(radiograph: Radiograph) -> Path:
    """Return the path of the 8-bit grey PNG for display."""
    return storage.path(radiograph.display)


def packed_bit_depth(radiograph: Radiograph) -> bytes:
    """Return all stored bits of the radiograph before any window, packed for the viewer.

    Raises OSError when the original is missing, UnreadableImage when it can no longer be decoded.
    """
    return storage.packed_bit_depth(storage.radiograph_files(radiograph.pk))


def heatmap_path(prediction: Prediction) -> Path:
    """Return the path of the heatmaps of a finished prediction."""
    return storage.path(prediction.heatmap_file)


def overlay_path(prediction: Prediction) -> Path:
    """Return the path of the image of radiograph and heatmap of a finished prediction."""
    return storage.path(prediction.overlay_file)


def case_with_same_pixels(*, site_id: UUID, pixel_sha256: str) -> Case | None:
    """Return the case of a site that has these pixels; never its control copy."""
    same_pixels = {"radiograph__site_id": site_id, "radiograph__pixel_sha256": pixel_sha256}
    return Case.objects.filter(**same_pixels, copy_of=None).first()


def overdue_for_enqueue(*, now: datetime, after: timedelta, most: int) -> list[Prediction]:
    """Return queued predictions whose message was probably lost, oldest first.

    A long queue alone is not a loss. A message counts as lost when a later prediction of the same queue has
    been started, or when no prediction is running and none finished lately.
    """
    due = (
        Prediction.objects.filter(status=JobStatus.QUEUED)
        .filter(Q(lease_until__lt=now) | Q(lease_until__isnull=True, queued_at__lt=now - after))
        .select_related("case")
        .order_by("queued_at")
    )
    if not due.exists():
        return []
    if not _workers_are_active(now=now, after=after):
        return list(due[:most])
    stat = Q(case__priority=Priority.STAT)
    return [*_overtaken(due, stat, most), *_overtaken(due, ~stat, most)]


def _workers_are_active(*, now: datetime, after: timedelta) -> bool:
    running, finished_lately = Q(status=JobStatus.RUNNING), Q(finished_at__gt=now - after)
    return Prediction.objects.filter(running | finished_lately).exists()


def _overtaken(due: QuerySet[Prediction], same_queue: Q, most: int) -> list[Prediction]:
    oldest = list(due.filter(same_queue)[:most])
    if not oldest:
        return []
    later = Prediction.objects.filter(same_queue, queued_at__gt=oldest[0].queued_at)
    started = later.filter(status__in=STARTED).order_by("-queued_at").first()
    return [row for row in oldest if started and row.queued_at < started.queued_at]
