"""The labels of a run's snapshot as rows: which part each was in, and the predictions on the test set."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db import transaction

from diagnostics.cases import selectors as cases
from diagnostics.training.models import Part, SnapshotFigures, SnapshotLabel, TrainingRun
from diagnostics.training.selectors import snapshots
from diagnostics.training.snapshot import SnapshotEntry
from ml.datasets.patient_split import Split

if TYPE_CHECKING:
    from ml.metrics.evaluation_result import Evaluation, RadiographResult

ROWS: Final = 1000  # of one statement


@transaction.atomic
def write(run: TrainingRun, entries: Iterable[SnapshotEntry], split: Split) -> None:
    """Replace the rows of a run by the entries of its snapshot."""
    parts = {
        radiograph.path: part
        for part in (Part.TRAIN, Part.VALIDATION, Part.TEST)
        for radiograph in getattr(split, part)
    }
    reasons = {exclusion.radiograph.path: exclusion.reason for exclusion in split.exclusions}
    SnapshotLabel.objects.filter(run=run).delete()
    rows = [
        SnapshotLabel(
            run=run,
            case_id=entry.case,
            label=entry.label,
            imported=entry.imported,
            finding=entry.finding,
            part=parts.get(entry.path, Part.EXCLUDED),
            exclusion=reasons.get(entry.path, ""),
        )
        for entry in entries
    ]
    SnapshotLabel.objects.bulk_create(rows, batch_size=ROWS)


def store_predictions(
    run: TrainingRun, split: Split, candidate: Evaluation, active: Evaluation | None
) -> None:
    """Store the probabilities of both versions for the test set of a run."""
    excluded = {exclusion.radiograph.path for exclusion in candidate.exclusions}
    tested = [radiograph.path for radiograph in split.test if radiograph.path not in excluded]
    own = dict(zip(tested, candidate.rows, strict=True))
    other = dict(zip(tested, active.rows, strict=True)) if active else {}
    rows = list(run.labels.filter(part=Part.TEST).select_related("case__radiograph"))
    for row in rows:
        path = cases.radiograph_path(row.case.radiograph)
        row.candidate = _probabilities(own.get(path), candidate)
        row.active = _probabilities(other.get(path), active)
    SnapshotLabel.objects.bulk_update(rows, ["candidate", "active"], batch_size=ROWS)


def store_figures(run: TrainingRun, *, now: datetime) -> None:
    """Count the labels of a run's snapshot and store the numbers; not in a transaction, it may take long."""
    numbers = snapshots.count(run)
    change = numbers.change
    columns = {
        "counted_at": now,
        "counts": numbers.counts,
        "since": change.since if change else None,
        "added": change.added if change else 0,
        "removed": change.removed if change else 0,
        "test_set_uses": numbers.test_set_uses,
    }
    SnapshotFigures.objects.update_or_create(run=run, defaults=columns)


def _probabilities(row: RadiographResult | None, evaluation: Evaluation | None) -> dict[str, float]:
    if row is None or evaluation is None:
        return {}
    return dict(zip(evaluation.classes, row.probabilities, strict=True))
