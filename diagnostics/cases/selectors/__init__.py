"""Reads of cases: visibility, lists, predictions, files, and predictions to enqueue again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Count, F, Model, OuterRef, Prefetch, Q, QuerySet, Subquery, UUIDField
from django.db.models.lookups import In

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.cases import storage
from diagnostics.cases.models import (
    Case,
    Correction,
    DamagedFile,
    Prediction,
    PredictionOutcome,
    Priority,
    Radiograph,
)
from diagnostics.jobs.models import JobStatus
from diagnostics.jobs.storage_wait import STORAGE_FULL
from diagnostics.keyset import Unindexed
from diagnostics.registry.models import ModelVersion
from diagnostics.stores.base import StoredFile

M = TypeVar("M", bound=Model)
BATCH_ROWS: Final = 500
STARTED: Final = (JobStatus.RUNNING, JobStatus.DONE, JobStatus.FAILED)


def visible_to(user: User) -> QuerySet[Case]:
    """Return the cases of the user's sites; none without the permission to see cases.

    A control copy is visible to its one reader only.
    """
    if not user.has_permission(Permission.SEE_CASES):
        return Case.objects.none()
    return Case.objects.filter(shown_to(user), site__in=site_ids(user))


def shown_to(user: User) -> Q:
    """Match all cases but the control copies of other readers."""
    return Q(shown_only_to=None) | Q(shown_only_to=user)


def site_ids(user: User) -> list[UUID]:
    """Return the ids of a user's sites: with ids, not a subquery, the database scans an index in order."""
    return list(user.sites.values_list("pk", flat=True))


def of_visible_cases(rows: QuerySet[M], user: User) -> QuerySet[M]:
    """Keep the rows whose `case` the user may see: of few rows, which are then found before their cases."""
    if not user.has_permission(Permission.SEE_CASES):
        return rows.none()
    shown = Q(case__shown_only_to=None) | Q(case__shown_only_to=user)
    at = Unindexed(F("case__site_id"), output_field=UUIDField())
    return rows.filter(shown, In(at, site_ids(user)))


def with_predictions(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Add radiographs, predictions (newest first) and RT-PCR results to the query."""
    predictions = Prediction.objects.select_related("version").order_by("-queued_at")
    return cases.select_related("radiograph", "site").prefetch_related(
        Prefetch("predictions", predictions), "pcr_results__by"
    )


def counts_by_status(user: User) -> dict[str, int]:
    """Return the number of visible cases by the status of their latest prediction, for every status."""
    cases = visible_to(user).order_by().annotate(prediction_status=prediction_status())
    rows = cases.values_list("prediction_status").annotate(Count("pk"))
    return dict.fromkeys(JobStatus.values, 0) | {status: count for status, count in rows if status}


def prediction_status() -> Subquery:
    """Return the status of the latest prediction of a case, as an expression."""
    return Subquery(
        Prediction.objects.filter(case=OuterRef("pk")).order_by("-queued_at").values("status")[:1]
    )


def latest_prediction(case: Case) -> Prediction | None:
    """Return the newest prediction of a case, without a query where predictions were prefetched."""
    return next(iter(case.predictions.all()), None)


def latest_done_prediction(case: Case) -> Prediction | None:
    """Return the newest finished prediction of a case, which remains valid while a new one is computed.

    None where the quality gate has stopped it: there is no probability then.
    """
    done = next((each for each in case.predictions.all() if each.status == JobStatus.DONE), None)
    return done if done and done.outcome != PredictionOutcome.NOT_SCORED else None


def stopped_prediction(case: Case) -> Prediction | None:
    """Return the newest prediction of a case if the quality gate has stopped it."""
    latest = latest_prediction(case)
    is_stopped = latest and (latest.status, latest.outcome) == (JobStatus.DONE, PredictionOutcome.NOT_SCORED)
    return latest if is_stopped else None


def done_prediction(case: Case, version: ModelVersion) -> Prediction | None:
    """Return the finished prediction of a version for a case."""
    return case.predictions.filter(version=version, status=JobStatus.DONE).first()


def corrections_of(case: Case) -> QuerySet[Correction]:
    """Return the corrections of a case, the newest first."""
    return case.corrections.select_related("by")


def has_damaged_files(prediction: Prediction) -> bool:
    """Return whether a file of a finished prediction is recorded as missing or damaged."""
    names = (prediction.heatmap_file, prediction.overlay_file)
    return DamagedFile.objects.filter(case=prediction.case_id, name__in=names, restored_at=None).exists()


def is_prediction_open(case: Case) -> bool:
    """Return whether a case waits for its first prediction."""
    latest = latest_prediction(case)
    return (
        latest is not None
        and latest.status in (JobStatus.QUEUED, JobStatus.RUNNING)
        and latest_done_prediction(case) is None
    )


def radiograph_path(radiograph: Radiograph) -> Path:
    """Return the path of the 16-bit grey PNG, the input of networks; in S3 that of the copy for training."""
    return storage.readable_path(storage.radiograph_files(radiograph.pk).grey)


def stored_files(using: str = DEFAULT_DB_ALIAS) -> Iterator[StoredFile]:
    """Yield every file that a radiograph or a prediction names, in batches of rows, ordered by id."""
    for radiograph in _in_batches(Radiograph.objects.using(using).exclude(original="")):
        yield from files_of_radiograph(radiograph)
    for prediction in _in_batches(Prediction.objects.using(using).exclude(heatmap_file="")):
        yield from files_of_prediction(prediction)


def files_of_radiograph(radiograph: Radiograph) -> list[StoredFile]:
    """Return the files that a radiograph names; packed pixels and thumbnail once they have been requested."""
    names = storage.radiograph_files(radiograph.pk)
    files = [
        ("original", radiograph.original, radiograph.file_sha256),
        ("display", radiograph.display, radiograph.display_sha256),
        ("grey", names.grey, radiograph.grey_sha256),
    ]
    if radiograph.depth_sha256:
        files.append(("depth", names.depth, radiograph.depth_sha256))
    if radiograph.thumbnail_sha256:
        files.append(("thumbnail", names.thumbnail, radiograph.thumbnail_sha256))
    return [storage.stored_file(kind, radiograph.pk, name, sha256) for kind, name, sha256 in files]


def files_of_prediction(prediction: Prediction) -> list[StoredFile]:
    """Return the files that a finished prediction names."""
    return [
        storage.stored_file("heatmaps", prediction.pk, prediction.heatmap_file, prediction.heatmap_sha256),
        storage.stored_file("overlay", prediction.pk, prediction.overlay_file, prediction.overlay_sha256),
    ]


def _in_batches(rows: QuerySet[M]) -> Iterator[M]:
    # Not one long query: on SQLite it would hold back the write-ahead log while the files are read.
    batch = list(rows.order_by("pk")[:BATCH_ROWS])
    while batch:
        yield from batch
        batch = list(rows.filter(pk__gt=batch[-1].pk).order_by("pk")[:BATCH_ROWS])


def case_with_same_pixels(*, site_id: UUID, pixel_sha256: str) -> Case | None:
    """Return the case of a site that has these pixels; never its control copy."""
    found = Radiograph.objects.filter(site=site_id, pixel_sha256=pixel_sha256, is_control_copy=False)
    radiograph = found.select_related("case").first()  # from the index that keeps them unique
    return radiograph.case if radiograph else None


def radiographs_with_pixels_of(radiograph: Radiograph) -> QuerySet[Radiograph]:
    """Return a radiograph and its control copies."""
    same = {"site": radiograph.site_id, "pixel_sha256": radiograph.pixel_sha256}
    return Radiograph.objects.filter(**same).select_related("case")


def overdue_for_enqueue(
    *, now: datetime, after: timedelta, longest_pause: timedelta, most: int
) -> list[Prediction]:
    """Return queued predictions whose message was probably lost, or which wait for space, oldest first.

    A long queue alone is not a loss. A message counts as lost when a later prediction of the same queue has
    been started, or when no prediction is running and none finished lately.
    """
    due = (
        Prediction.overdue(now=now, after=after, longest_pause=longest_pause)
        .select_related("case")
        .order_by("queued_at")
    )
    if not due.exists():
        return []
    waiting = list(due.filter(failure_code=STORAGE_FULL)[:most])
    return waiting + _lost_messages(due.exclude(failure_code=STORAGE_FULL), now=now, after=after, most=most)


def _lost_messages(
    due: QuerySet[Prediction], *, now: datetime, after: timedelta, most: int
) -> list[Prediction]:
    if not _workers_are_active(now=now, after=after):
        return list(due[:most])
    stat = Q(case__priority=Priority.STAT)
    return [*_overtaken(due, stat, most), *_overtaken(due, ~stat, most)]


def _workers_are_active(*, now: datetime, after: timedelta) -> bool:
    if Prediction.objects.filter(status=JobStatus.RUNNING).exists():
        return True
    return Prediction.objects.filter(finished_at__gt=now - after).exists()  # two queries: an index for each


def _overtaken(due: QuerySet[Prediction], same_queue: Q, most: int) -> list[Prediction]:
    oldest = list(due.filter(same_queue)[:most])
    if not oldest:
        return []
    later = Prediction.objects.filter(same_queue, queued_at__gt=oldest[0].queued_at)
    started = later.filter(status__in=STARTED).order_by("-queued_at").first()
    return [row for row in oldest if started and row.queued_at < started.queued_at]
