"""The labels of a run's snapshot in numbers, and what changed since the one before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.functions import TruncMonth

from diagnostics.accounts.models import User
from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Case
from diagnostics.jobs.models import JobStatus
from diagnostics.training.models import Part, SnapshotFigures, SnapshotLabel, TrainingRun

SAMPLE: Final = 24  # thumbnails
ATTRIBUTES: Final = {
    "part": "part",
    "finding": "finding",
    "source": "case__site__name",
    "view": "case__radiograph__view",
    "sex": "case__radiograph__sex",
}


@dataclass(frozen=True)
class Change:
    """The labels that a snapshot has and an earlier one had not, and the reverse."""

    since: TrainingRun
    added: int
    removed: int


@dataclass(frozen=True)
class SnapshotSummary:
    """A snapshot in numbers; counts by attribute, age in decades, month of the study."""

    counts: dict[str, Counter[str]]
    change: Change | None
    test_set_uses: int  # runs up to this one that were evaluated on radiographs of its test set
    counted_at: datetime | None = None  # None: now
    sample: tuple[Case, ...] = ()


def summary_of(run: TrainingRun, *, user: User) -> SnapshotSummary:
    """Return a run's snapshot in numbers, stored ones if there are any, and cases that the user may see."""
    stored = SnapshotFigures.objects.filter(run=run).select_related("since").first()
    sample = _sample(run.labels.order_by(), user)
    return replace(_stored(stored) if stored else count(run), sample=sample)


def count(run: TrainingRun) -> SnapshotSummary:
    """Count the labels of a run's snapshot, what changed, and how often its test set was used."""
    labels = run.labels.order_by()
    counts = {name: _count(labels, column) for name, column in ATTRIBUTES.items()}
    counts |= {"age": _ages(labels), "month": _months(labels)}
    return SnapshotSummary(counts, _change(run), test_set_uses(run))


def next_uncounted_run() -> TrainingRun | None:
    """Return a finished run whose snapshot has no stored numbers."""
    ended = TrainingRun.objects.filter(status__in=(JobStatus.DONE, JobStatus.FAILED), snapshot_figures=None)
    return ended.filter(Exists(SnapshotLabel.objects.filter(run=OuterRef("pk")))).order_by("number").first()


def _stored(stored: SnapshotFigures) -> SnapshotSummary:
    change = Change(stored.since, stored.added, stored.removed) if stored.since else None
    counts = {name: Counter(values) for name, values in stored.counts.items()}
    return SnapshotSummary(counts, change, stored.test_set_uses, stored.counted_at)


def test_set_uses(run: TrainingRun) -> int:
    """Count the runs, up to this one, that were evaluated on radiographs of its test set."""
    tested = run.labels.filter(part=Part.TEST).values("case")
    used = SnapshotLabel.objects.filter(part=Part.TEST, run__number__lte=run.number, case__in=tested)
    return used.exclude(candidate={}).order_by().values("run").distinct().count()


def _count(labels: QuerySet[SnapshotLabel], column: str) -> Counter[str]:
    return Counter(dict(labels.values_list(column).annotate(Count("pk"))))


def _ages(labels: QuerySet[SnapshotLabel]) -> Counter[str]:
    decades: Counter[str] = Counter()
    for age, number in labels.values_list("case__radiograph__age").annotate(Count("pk")):
        decades["" if age is None else f"{age // 10 * 10}-{age // 10 * 10 + 9}"] += number
    return decades


def _months(labels: QuerySet[SnapshotLabel]) -> Counter[str]:
    rows = labels.annotate(month=TruncMonth("case__radiograph__study_at")).values_list("month")
    return Counter(
        {f"{month:%Y-%m}" if month else "": number for month, number in rows.annotate(Count("pk"))}
    )


def _change(run: TrainingRun) -> Change | None:
    has_labels = Exists(SnapshotLabel.objects.filter(run=OuterRef("pk")))
    last = TrainingRun.objects.filter(has_labels, number__lt=run.number).order_by("-number").first()
    return Change(last, _labels_without(run, last), _labels_without(last, run)) if last else None


def _labels_without(run: TrainingRun, other: TrainingRun) -> int:
    """Count the labels of a run that another one has not."""
    same = SnapshotLabel.objects.filter(run=other, label=OuterRef("label"))
    return SnapshotLabel.objects.filter(~Exists(same), run=run).count()


def _sample(labels: QuerySet[SnapshotLabel], user: User) -> tuple[Case, ...]:
    pks = list(labels.order_by("label").values_list("case", flat=True)[:SAMPLE])  # ids are random
    return tuple(cases.visible_to(user).filter(pk__in=pks).order_by("pk"))
