"""The numbers of training labels, from the kept figures; selectors/labels.py lists the labels themselves."""

from __future__ import annotations

from collections import Counter

from django.db.models import Exists, OuterRef

from diagnostics.findings import TRAINABLE_FINDINGS
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import CaseFigures, FigureKind
from diagnostics.review.selectors import figure_counts
from diagnostics.training.models import SnapshotLabel, TrainingRun
from diagnostics.training.policy import ClassCount


def class_counts() -> tuple[ClassCount, ...]:
    """Count the cases and patients with a training label by finding."""
    cases: Counter[str] = Counter()
    for (_site, _source, finding, _view, _sex), number in _labels().items():
        cases[finding] += number
    patients: Counter[str] = Counter()
    for (_site, finding), number in figure_counts.numbers_of_all_sites(FigureKind.PATIENT).items():
        patients[finding] += number
    return tuple(ClassCount(finding, cases[finding], patients[finding]) for finding in TRAINABLE_FINDINGS)


def preview_counts() -> dict[str, Counter[str]]:
    """Count the current training labels by source, view and sex; the source of a reading is its site."""
    counts: dict[str, Counter[str]] = {"source": Counter(), "view": Counter(), "sex": Counter()}
    for (site, source, _finding, view, sex), number in _labels().items():
        for name, value in (("source", site if source is None else source), ("view", view), ("sex", sex)):
            counts[name][value] += number
    return counts


def imported_labels() -> int:
    """Count the imported training labels."""
    return sum(number for (_site, source, *_key), number in _labels().items() if source is not None)


def conflicting_cases() -> int:
    """Count the cases without a reading whose imported labels conflict."""
    return figure_counts.total(FigureKind.CONFLICT)


def new_final_findings(*, since: TrainingRun | None = None) -> int:
    """Count the training labels signed here that became final after the snapshot of a run.

    Without a run: after that of the last successful one. Imported labels are not counted.
    """
    last = since or TrainingRun.objects.filter(status=JobStatus.DONE).first()
    if last is None:
        return sum(number for (_site, source, *_key), number in _labels().items() if source is None)
    return figure_counts.signed_labels_since(last.frozen_at or last.started_at or last.queued_at)


def has_labels_of(run: TrainingRun) -> bool:
    """Return whether the current training labels are those of a run."""
    in_run = SnapshotLabel.objects.filter(run=run, label=OuterRef("label"))
    current = CaseFigures.objects.filter(label__isnull=False, site__is_demonstration=False)
    in_use = current.filter(label=OuterRef("label"), case=OuterRef("case"))
    is_new = current.exclude(Exists(in_run)).exists()
    return not (is_new or SnapshotLabel.objects.filter(run=run).exclude(Exists(in_use)).exists())


def _labels() -> Counter[figure_counts.Key]:
    """Return the numbers of labels by site, source of an imported one, finding, view and sex."""
    return figure_counts.numbers_of_all_sites(FigureKind.LABEL)
