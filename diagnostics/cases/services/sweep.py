"""Removal of files of radiographs and predictions that no row names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Final
from uuid import UUID

from diagnostics.cases import selectors, storage
from diagnostics.cases.models import Prediction, Radiograph

MAX_IDS: Final = 500  # of one query
UUID_LENGTH: Final = 36
SHARES: Final = 23  # not 24: each hour of the day gets another share each day, also where hosts rest at night

NamedFiles = Callable[[list[UUID]], Iterable[str]]  # the files that the rows with these ids name


def sweep(*, older_than: timedelta, now: datetime, share: int | None = None) -> int:
    """Delete old files of radiographs and predictions that no row names; return how many.

    A share, 0 to SHARES - 1, restricts the sweep to its part of the folders, because it blocks a worker.
    """
    radiographs = _folders("radiographs", share)
    predictions = _folders("predictions", share)
    deleted = _sweep(radiographs, _radiograph_files, older_than, now)
    return deleted + _sweep(predictions, _prediction_files, older_than, now)


def share_of(now: datetime) -> int:
    """Return the share of this hour."""
    return int(now.timestamp() // 3600) % SHARES


def _folders(root: str, share: int | None) -> list[str]:
    folders = storage.store().folders(root)
    return folders if share is None else folders[share::SHARES]


def _sweep(folders: list[str], named_files: NamedFiles, older_than: timedelta, now: datetime) -> int:
    store, deleted = storage.store(), 0
    for folder in folders:
        old = store.old_files(folder, older_than, now=now)
        for start in range(0, len(old), MAX_IDS):
            files = old[start : start + MAX_IDS]
            # Asked after the files were found old: a row may begin to name a recent file only.
            named = set(named_files([row for row in map(_row_of, files) if row]))
            deleted += store.delete(file for file in files if file not in named)
    return deleted


def _row_of(file: str) -> UUID | None:
    try:
        return UUID(PurePath(file).name[:UUID_LENGTH])
    except ValueError:
        return None


def _radiograph_files(ids: list[UUID]) -> Iterable[str]:
    for radiograph in Radiograph.objects.filter(pk__in=ids):
        names = storage.radiograph_files(radiograph.pk)
        yield from (names.depth, names.thumbnail)
        yield from (file.name for file in selectors.files_of_radiograph(radiograph))


def _prediction_files(ids: list[UUID]) -> Iterable[str]:
    for prediction in Prediction.objects.filter(pk__in=ids).exclude(heatmap_file=""):
        yield from (file.name for file in selectors.files_of_prediction(prediction))
