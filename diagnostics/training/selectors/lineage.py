"""What a prediction comes from, and what the labels of a case have taught; a bounded number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Q

from diagnostics.accounts.models import User
from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.selectors.predictions import IS_DONE
from diagnostics.imports.models import ImportedLabel
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Reading
from diagnostics.training import snapshot
from diagnostics.training.models import Part, SnapshotLabel, TrainingRun
from diagnostics.training.selectors import runs

PAGE: Final = 100  # labels


@dataclass(frozen=True)
class Signature:
    """Who signed or imported a label; case and name are empty for a case that the user may not see."""

    label: UUID
    imported: bool
    finding: str
    by: str
    role: str
    at: datetime
    case: UUID | None


@dataclass(frozen=True)
class TrainingLabel:
    """A label of a snapshot with the part of the data set that it was in."""

    signature: Signature
    part: str


@dataclass(frozen=True)
class Origin:
    """A finished prediction with its version, the run of the version, and the size of its snapshot."""

    prediction: Prediction
    version: ModelVersion
    run: TrainingRun | None
    counts: dict[str, int]  # part -> labels


@dataclass(frozen=True)
class Use:
    """A run that had a label in its snapshot, its version, and how many predictions the version made."""

    run: TrainingRun
    part: str  # empty where an earlier release did not store it
    version: ModelVersion | None
    predictions: int


@dataclass(frozen=True)
class Taught:
    """A label of the case and its uses."""

    signature: Signature
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class Lineage:
    """Where the predictions of a case come from, and where its labels went."""

    case: Case
    origins: tuple[Origin, ...]
    shown: Origin | None  # whose labels are listed
    labels: tuple[TrainingLabel, ...]  # one page of them
    page: int
    pages: int
    taught: tuple[Taught, ...]


def lineage_of(case: Case, *, user: User, prediction: UUID | None = None, page: int = 1) -> Lineage:
    """Return the lineage of a case, with one page of the labels behind one of its predictions."""
    origins = _origins(case)
    shown = next((each for each in origins if prediction in (None, each.prediction.pk)), None)
    total = sum(shown.counts.values()) if shown else 0
    pages = max(1, -(-total // PAGE))
    page = min(max(1, page), pages)
    labels = _page(shown.run, page, user) if shown and shown.run else ()
    return Lineage(case, origins, shown, labels, page, pages, _taught(case, user))


def _origins(case: Case) -> tuple[Origin, ...]:
    done = case.predictions.filter(IS_DONE).order_by("-queued_at")
    rows = done.select_related("version__parent", "version__run__started_by")
    found = [(row, row.version, _run_of(row.version)) for row in rows if row.version]
    counts = _counts(run for _row, _version, run in found if run)
    return tuple(
        Origin(row, version, run, counts.get(run.pk, {}) if run else {}) for row, version, run in found
    )


def _run_of(version: ModelVersion) -> TrainingRun | None:
    return getattr(version, "run", None)  # the other side of a one-to-one key


def _counts(of: Iterable[TrainingRun]) -> dict[UUID, dict[str, int]]:
    rows = SnapshotLabel.objects.filter(run__in=list(of)).values_list("run", "part").annotate(Count("pk"))
    counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    for run, part, count in rows.order_by():
        counts[run][part] = count
    return counts


def _page(run: TrainingRun, page: int, user: User) -> tuple[TrainingLabel, ...]:
    start = (page - 1) * PAGE
    rows = list(run.labels.order_by("pk")[start : start + PAGE])
    signed = _signatures([row.label for row in rows], user)
    return tuple(TrainingLabel(signed[row.label], row.part) for row in rows if row.label in signed)


def _signatures(labels: list[UUID], user: User) -> dict[UUID, Signature]:
    readings = Reading.objects.filter(pk__in=labels).select_related("by")
    imported = ImportedLabel.objects.filter(pk__in=labels).select_related("import_job__requested_by")
    signed = [
        *(_signature(each, each.by, each.signed_at) for each in readings),
        *(_signature(each, each.import_job.requested_by, each.imported_at) for each in imported),
    ]
    wanted = [each.case for each in signed if each.case]
    visible = set(cases.visible_to(user).filter(pk__in=wanted).values_list("pk", flat=True))
    return {each.label: each if each.case in visible else replace(each, by="", case=None) for each in signed}


def _signature(label: Reading | ImportedLabel, by: User, at: datetime) -> Signature:
    is_imported = isinstance(label, ImportedLabel)
    return Signature(label.pk, is_imported, label.finding, by.username, by.role, at, label.case_id)


def _taught(case: Case, user: User) -> tuple[Taught, ...]:
    own = [*case.readings.filter(withdrawn_at=None), *case.imported_labels.all()]
    signed = _signatures([label.pk for label in own], user)
    uses = _uses(frozenset(signed))
    return tuple(Taught(signature, tuple(uses.get(label, ()))) for label, signature in signed.items())


def _uses(labels: frozenset[UUID]) -> dict[UUID, list[Use]]:
    if not labels:
        return {}
    rows = SnapshotLabel.objects.filter(label__in=labels).exclude(part=Part.EXCLUDED)
    found = [
        (row.label, row.run, row.part)
        for row in rows.select_related("run__candidate").order_by("run__number")
    ]
    found += [(label, run, "") for run in _unindexed() for label in _frozen(run) & labels]
    predictions = _predictions(run for _label, run, _part in found)
    uses: dict[UUID, list[Use]] = defaultdict(list)
    for label, run, part in found:
        uses[label].append(Use(run, part, run.candidate, predictions.get(run.candidate_id, 0)))
    return uses


def _unindexed() -> list[TrainingRun]:
    """Return the runs of earlier releases, whose labels are only in the snapshot file."""
    return list(runs.runs().exclude(snapshot_sha256="").filter(labels=None))


def _frozen(run: TrainingRun) -> frozenset[UUID]:
    return snapshot.frozen_labels(runs.folder(run), sha256=run.snapshot_sha256) or frozenset()


def _predictions(of: Iterable[TrainingRun]) -> dict[UUID | None, int]:
    versions = {run.candidate_id for run in of if run.candidate_id}
    done = Count("predictions", filter=Q(predictions__status=JobStatus.DONE))
    rows = ModelVersion.objects.filter(pk__in=versions).order_by().annotate(done=done)
    return dict(rows.values_list("pk", "done"))
