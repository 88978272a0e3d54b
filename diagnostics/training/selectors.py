"""What may be known of training: the labels at hand, the runs, the schedule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, QuerySet

from diagnostics.audit import selectors as audit
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.base import OPEN, Status
from diagnostics.cases import selectors as cases
from diagnostics.findings import LEARNABLE
from diagnostics.review import selectors as review
from diagnostics.review.models import Reading
from diagnostics.training import policy
from diagnostics.training.models import Schedule, TrainingRun
from diagnostics.training.policy import ClassCount
from diagnostics.training.snapshot import SignedFilm

PICTURES: Final = ("curves", "confusion", "roc")
CHECKPOINTS: Final = "checkpoints"


def runs() -> QuerySet[TrainingRun]:
    """List all runs, the newest first."""
    return TrainingRun.objects.select_related("started_by", "parent", "candidate")


def open_run() -> TrainingRun | None:
    """Find the run that waits or works now."""
    return runs().filter(status__in=OPEN).first()


def label_counts() -> tuple[ClassCount, ...]:
    """Count the signed cases and patients of each finding that a network may be taught."""
    per_patient = (
        review.labelled()
        .order_by()
        .values("finding", "case__site", "case__patient_ref")
        .annotate(cases=Count("pk"))
    )
    patients: Counter[str] = Counter()
    films: Counter[str] = Counter()
    for row in per_patient:
        patients[row["finding"]] += 1
        films[row["finding"]] += row["cases"]
    return tuple(ClassCount(finding, films[finding], patients[finding]) for finding in LEARNABLE)


def new_readings() -> int:
    """Count the labels signed since the last run that came to a result."""
    last = TrainingRun.objects.filter(status=Status.DONE).first()
    signed = review.labelled()
    if last is not None and last.started_at is not None:
        signed = signed.filter(signed_at__gt=last.started_at)
    return signed.count()


def signed_films() -> Iterator[SignedFilm]:
    """Give every film with a signed finding that a network may be taught."""
    return map(_signed_film, review.labelled().iterator())


def films_of(readings: Collection[UUID]) -> Iterator[SignedFilm]:
    """Give the films of certain readings, also of those amended since."""
    # All are walked: a list of so many ids would be too long for a query.
    signed = Reading.objects.select_related("case__radiograph").iterator()
    return (_signed_film(reading) for reading in signed if reading.pk in readings)


def _signed_film(reading: Reading) -> SignedFilm:
    film = reading.case.radiograph
    return SignedFilm(
        reading=reading.pk,
        finding=reading.finding,
        path=cases.film_path(film),
        pixel_sha256=film.pixel_sha256,
        site=reading.case.site_id,
        patient_ref=reading.case.patient_ref,
        view=film.view,
    )


def schedule() -> Schedule:
    """Read the schedule; a switched-off one where nobody has set any."""
    return Schedule.objects.select_related("changed_by").first() or Schedule()


def next_look(plan: Schedule) -> datetime | None:
    """Say when the clock asks again whether to train; None while the schedule is off."""
    if not plan.enabled or plan.changed_at is None:
        return None
    return policy.next_slot(
        changed_at=plan.changed_at,
        considered_at=plan.last_considered_at,
        every_days=plan.every_days,
        at_hour=plan.at_hour,
        zone=ZoneInfo(settings.TIME_ZONE),
    )


def folder(run: TrainingRun) -> Path:
    """Say where a run keeps its snapshot, pictures and bundle."""
    return Path(settings.RUNS) / str(run.pk)


def checkpoints(run: TrainingRun) -> Path:
    """Say where a run keeps its epochs for as long as it is under way."""
    return folder(run) / CHECKPOINTS


def pictures(run: TrainingRun) -> frozenset[str]:
    """Name the pictures that a run has drawn so far."""
    return frozenset(name for name in PICTURES if (folder(run) / f"{name}.svg").is_file())


def last_scheduled_refusal() -> AuditEvent | None:
    """Find what the clock put on record when it last started nothing, unless a run followed."""
    event = audit.events(action=Action.SCHEDULE_CONSIDERED).first()
    if event is None or TrainingRun.objects.filter(queued_at__gt=event.at).exists():
        return None
    return event
