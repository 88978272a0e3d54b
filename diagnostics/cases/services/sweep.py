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
SHARES: Final = 23  # not 24: each hour of the day gets another share each day, also where hosts rest at night

NamedFiles = Callable[[list[UUID]], Iterable[Path]]  # the files that the rows with these ids name


def sweep(*, older_than: timedelta, now: datetime, share: int | None = None) -> int:
    """Delete old files of radiographs and predictions that no row names; return how many.

    A share, 0 to SHARES - 1, restricts the sweep to its part of the folders, because it blocks a worker.
    """
    radiographs = _folders(storage.path("radiographs"), share)
    predictions = _folders(storage.path("predictions"), share)
    deleted = _sweep(radiographs, _radiograph_files, older_than, now)
    return deleted + _sweep(predictions, _prediction_files, older_than, now)


def share_of(now: datetime) -> int:
    """Return the share of this hour."""
    return int(now.timestamp() // 3600) % SHARES


def _folders(root: Path, share: int | None) -> list[Path]:
    folders = subfolders(root)
    return folders if share is None else folders[share::SHARES]


def _sweep(folders: list[Path], named_files: NamedFiles, older_than: timedelta, now: datetime) -> int:
    deleted = 0
    for folder in folders:
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
        names = storage.radiograph_files(radiograph.pk)
        yield from (storage.path(names.depth), storage.path(names.thumbnail))
        yield from (file.path for file in selectors.files_of_radiograph(radiograph))


def _prediction_files(ids: list[UUID]) -> Iterable[Path]:
    for prediction in Prediction.objects.filter(pk__in=ids).exclude(heatmap_file=""):
        yield from (file.path for file in selectors.files_of_prediction(prediction))
