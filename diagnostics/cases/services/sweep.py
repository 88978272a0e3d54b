"""Removal of files in MEDIA_ROOT that no row names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from diagnostics.cases import selectors, storage
from diagnostics.cases.models import Prediction, Radiograph
from diagnostics.files import delete, old_files, subfolders

MAX_IDS: Final = 500  # of one query
UUID_LENGTH: Final = 36

NamedFiles = Callable[[list[UUID]], Iterable[Path]]  # the files that the rows with these ids name


def sweep(*, older_than: timedelta, now: datetime) -> int:
    """Delete old files of radiographs and predictions that no row names; return how many."""
    radiographs = _sweep(storage.path("radiographs"), _radiograph_files, older_than, now)
    return radiographs + _sweep(storage.path("predictions"), _prediction_files, older_than, now)


def _sweep(root: Path, named_files: NamedFiles, older_than: timedelta, now: datetime) -> int:
    deleted = 0
    for folder in subfolders(root):
        old = old_files(folder, older_than, now=now)
        for start in range(0, len(old), MAX_IDS):
            files = old[start : start + MAX_IDS]
            # Asked after the files were found old: a row may begin to name a recent file only.
            named = set(named_files([row for row in map(_row_of, files) if row]))
            deleted += delete(file for file in files if file not in named)
    return deleted


def _row_of(file: Path) -> UUID | None:
    try:
        return UUID(file.name[:UUID_LENGTH])
    except ValueError:
        return None


def _radiograph_files(ids: list[UUID]) -> Iterable[Path]:
    for radiograph in Radiograph.objects.filter(pk__in=ids):
        yield storage.path(storage.radiograph_files(radiograph.pk).depth)
        yield from (file.path for file in selectors.files_of_radiograph(radiograph))


def _prediction_files(ids: list[UUID]) -> Iterable[Path]:
    for prediction in Prediction.objects.filter(pk__in=ids).exclude(heatmap_file=""):
        yield from (file.path for file in selectors.files_of_prediction(prediction))
