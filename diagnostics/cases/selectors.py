"""Reads about cases: who sees which, and where the machine stands with each."""

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
    """Give the cases of the sites where this person works, none to whoever may not see cases.

    A copy of a known radiograph is a case to its one reader and to nobody else.
    """
    if not user.has_permission(Permission.SEE_CASES):
        return Case.objects.none()
    # Ids and no subquery: for one site the database can then walk its indexes in order.
    cases = Case.objects.filter(site__in=list(user.sites.values_list("pk", flat=True)))
    return cases.filter(Q(shown_only_to=None) | Q(shown_only_to=user))


def case_list(user: User, *, status: str = "", ordering: str = "") -> QuerySet[Case]:
    """List visible cases with `machine_status`; an unknown ordering is the newest first."""
    order = ORDERINGS.get(ordering, ORDERINGS[NEWEST_FIRST])
    cases = with_predictions(visible_to(user)).order_by(*order).annotate(machine_status=_machine_status())
    if not status:
        return cases
    if status == JobStatus.DONE:
        return cases.filter(machine_status=status)
    # Few rows of 100,000 wait or have failed; this condition finds them by an index.
    few = Prediction.objects.filter(status=status).values("case")
    return cases.filter(machine_status=status, pk__in=few)


def with_predictions(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Fetch radiographs and predictions, the newest first, along with the cases."""
    predictions = Prediction.objects.select_related("version").order_by("-queued_at")
    return cases.select_related("radiograph").prefetch_related(
        Prefetch("predictions", predictions), "pcr_results__by"
    )


def counts(user: User) -> dict[str, int]:
    """Count visible cases by the status of their latest prediction; every status has an entry."""
    cases = visible_to(user).order_by().annotate(machine_status=_machine_status())
    rows = cases.values("machine_status").annotate(cases=Count("pk"))
    found = {row["machine_status"]: row["cases"] for row in rows}
    return dict.fromkeys(JobStatus.values, 0) | {status: n for status, n in found.items() if status}


def _machine_status() -> Subquery:
    return Subquery(
        Prediction.objects.filter(case=OuterRef("pk")).order_by("-queued_at").values("status")[:1]
    )


def latest_prediction(case: Case) -> Prediction | None:
    """Find the newest prediction of a case; costs no query where they were prefetched."""
    return next(iter(case.predictions.all()), None)


def latest_done_prediction(case: Case) -> Prediction | None:
    """Find the newest answer of a case, which stands while the machine is asked again; prefetch serves it."""
    return next((answer for answer in case.predictions.all() if answer.status == JobStatus.DONE), None)


def has_prediction(case: Case, version: ModelVersion) -> bool:
    """Say whether a version has answered for a case."""
    return case.predictions.filter(version=version, status=JobStatus.DONE).exists()


def radiograph_path(radiograph: Radiograph) -> Path:
    """Say where the radiograph lies as 16-bit grey PNG: what networks read and learn from."""
    return storage.path(storage.radiograph_files(radiograph.pk).grey)


def display_path(radiograph: Radiograph) -> Path:
    """Say where the radiograph lies as 8-bit grey PNG: what people look at."""
    return storage.path(radiograph.display)


def packed_bit_depth(radiograph: Radiograph) -> bytes:
    """Give the radiograph's stored grey before any window, as ml.depth packs it: what the viewer windows.

    Raises OSError or UnreadableImage where it cannot be had.
    """
    return storage.packed_bit_depth(storage.radiograph_files(radiograph.pk))


def heatmap_path(prediction: Prediction) -> Path:
    """Say where the heat maps of a finished prediction lie."""
    return storage.path(prediction.maps)


def overlay_path(prediction: Prediction) -> Path:
    """Say where radiograph and heat of a finished prediction lie as one picture."""
    return storage.path(prediction.overlay)


def case_with_same_pixels(*, site_id: UUID, pixel_sha256: str) -> Case | None:
    """Find the case that already holds these pixels at a site; never a copy of it."""
    radiograph = {"radiograph__site_id": site_id, "radiograph__pixel_sha256": pixel_sha256}
    return Case.objects.filter(**radiograph, copy_of=None).first()


def overdue_for_enqueue(*, now: datetime, after: timedelta, most: int) -> list[Prediction]:
    """Find queued rows whose knock was probably lost, the oldest first.

    A long queue is no loss. A row counts as forgotten when it was passed over (a later one of its queue
    has been started) or when nothing is being done at all, and its next knock is due.
    """
    due = (
        Prediction.objects.filter(status=JobStatus.QUEUED)
        .filter(Q(lease_until__lt=now) | Q(lease_until__isnull=True, queued_at__lt=now - after))
        .select_related("case")
        .order_by("queued_at")
    )
    if not due.exists():
        return []
    if _nothing_moves(now=now, after=after):
        return list(due[:most])
    stat = Q(case__priority=Priority.STAT)
    return [*_passed_over(due, stat, most), *_passed_over(due, ~stat, most)]


def _nothing_moves(*, now: datetime, after: timedelta) -> bool:
    running, ended_lately = Q(status=JobStatus.RUNNING), Q(finished_at__gt=now - after)
    return not Prediction.objects.filter(running | ended_lately).exists()


def _passed_over(due: QuerySet[Prediction], same_queue: Q, most: int) -> list[Prediction]:
    waiting = list(due.filter(same_queue)[:most])
    if not waiting:
        return []
    later = Prediction.objects.filter(same_queue, queued_at__gt=waiting[0].queued_at)
    started = later.filter(status__in=STARTED).order_by("-queued_at").first()
    return [row for row in waiting if started and row.queued_at < started.queued_at]
