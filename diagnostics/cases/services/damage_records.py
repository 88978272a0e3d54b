"""The records of damaged files, brought up to date with a verification of all files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import chain

from diagnostics.cases import file_damage, selectors
from diagnostics.cases.models import Case, DamagedFile, Prediction, Radiograph
from diagnostics.cases.storage import UnusableFile
from diagnostics.files import FileProblem
from diagnostics.stores.base import StoredFile, problem_of

PREDICTION_KINDS = ("heatmaps", "overlay")
RADIOGRAPH_KINDS = ("original", "display", "grey", "depth", "thumbnail")


def update(problems: Iterable[tuple[StoredFile, FileProblem]], *, now: datetime) -> None:
    """Record the problems of cases' files, and close the records of files that are intact again."""
    for file, problem in problems:
        case = _case_of(file)
        if case is not None:
            file_damage.record(case, file.kind, UnusableFile(file.name, problem), by=None, now=now)
    for record in DamagedFile.objects.filter(restored_at=None).select_related("case__radiograph"):
        if not any(problem_of(file) for file in _files_of(record)):
            DamagedFile.objects.filter(pk=record.pk).update(restored_at=now)


def _case_of(file: StoredFile) -> Case | None:
    if file.kind in RADIOGRAPH_KINDS:
        return Radiograph.objects.select_related("case").get(pk=file.row).case
    if file.kind in PREDICTION_KINDS:
        return Prediction.objects.select_related("case").get(pk=file.row).case
    return None


def _files_of(record: DamagedFile) -> list[StoredFile]:
    """Return the file of a record while a row names it, else nothing."""
    predictions = record.case.predictions.exclude(heatmap_file="")
    files = chain(
        selectors.files_of_radiograph(record.case.radiograph),
        *map(selectors.files_of_prediction, predictions),
    )
    return [file for file in files if file.name == record.name]
