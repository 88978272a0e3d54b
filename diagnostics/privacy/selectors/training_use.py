"""The training runs whose snapshot contains given labels, and the model versions trained on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from diagnostics.imports.models import ImportedLabel
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Reading
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors import runs
from diagnostics.training.snapshot import FILE


@dataclass(frozen=True)
class TrainingUse:
    """One run and which of the labels its snapshot contains; None: the snapshot cannot be read."""

    run: TrainingRun
    labels: tuple[str, ...] | None


def labels_of(cases: list[UUID]) -> frozenset[str]:
    """Return the ids of all readings and imported labels of the cases."""
    readings = Reading.objects.filter(case__in=cases).values_list("pk", flat=True)
    imported = ImportedLabel.objects.filter(case__in=cases).values_list("pk", flat=True)
    return frozenset(map(str, (*readings, *imported)))


def uses_of(labels: frozenset[str]) -> list[TrainingUse]:
    """Return the runs whose snapshot contains some of the labels or cannot be read, oldest first."""
    if not labels:
        return []
    froze_a_snapshot = TrainingRun.objects.exclude(snapshot_sha256="").select_related("candidate")
    uses = [TrainingUse(run, _labels_in(run, labels)) for run in froze_a_snapshot.order_by("number")]
    return [use for use in uses if use.labels is None or use.labels]


def versions_of(uses: Iterable[TrainingUse]) -> list[ModelVersion]:
    """Return the versions that these runs registered and the versions fine-tuned from them, by number."""
    found: dict[UUID, ModelVersion] = {}
    added = [use.run.candidate for use in uses if use.labels and use.run.candidate]
    while added:
        found |= {version.pk: version for version in added}
        added = list(ModelVersion.objects.filter(parent__in=added).exclude(pk__in=found))
    return sorted(found.values(), key=lambda version: version.number)


def snapshot_path(run: TrainingRun) -> Path:
    """Return the path of a run's snapshot."""
    return runs.folder(run) / FILE


def label_of(line: str) -> str:
    """Return the id of the reading or imported label of one line of a snapshot."""
    row = json.loads(line)
    return str(row.get("reading") or row["imported"])


def _labels_in(run: TrainingRun, labels: frozenset[str]) -> tuple[str, ...] | None:
    try:
        return tuple(label for label in _labels(snapshot_path(run)) if label in labels)
    except (OSError, ValueError, KeyError):
        return None


def _labels(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        yield from map(label_of, lines)
