"""The labels of a run's snapshot in numbers, and what changed since the one before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncMonth

from diagnostics.accounts.models import User
from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Case
from diagnostics.training.models import Part, SnapshotLabel, TrainingRun

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
    sample: tuple[Case, ...]


def summary_of(run: TrainingRun, *, user: User) -> SnapshotSummary:
    """Return the counts of a run's snapshot, the change, and cases that the user may see as a sample."""
    labels = run.labels.order_by()
    counts = {name: _count(labels, column) for name, column in ATTRIBUTES.items()}
    counts |= {"age": _ages(labels), "month": _months(labels)}
    return SnapshotSummary(counts, _change(run), test_set_uses(run), _sample(labels, user))


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
    earlier = TrainingRun.objects.filter(number__lt=run.number, labels__isnull=False).order_by("-number")
    last = earlier.first()
    if last is None:
        return None
    before, after = (set(each.labels.values_list("label", flat=True)) for each in (last, run))
    return Change(last, len(after - before), len(before - after))


def _sample(labels: QuerySet[SnapshotLabel], user: User) -> tuple[Case, ...]:
    pks = list(labels.order_by("label").values_list("case", flat=True)[:SAMPLE])  # ids are random
    return tuple(cases.visible_to(user).filter(pk__in=pks).order_by("pk"))
