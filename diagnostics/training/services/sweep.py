"""Removal of the folders and drafts of runs that no row names."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from diagnostics.cases import storage
from diagnostics.files import DRAFT_SUFFIX, delete, delete_folders, is_older, old_files, subfolders
from diagnostics.jobs.models import OPEN_STATUSES
from diagnostics.training.models import TrainingRun


def sweep(*, older_than: timedelta, now: datetime) -> int:
    """Delete old folders without a run, and old drafts in the folders of runs; return how many."""
    folders = subfolders(Path(settings.RUNS))
    old = [folder for folder in folders if is_older(folder, older_than, now=now)]
    named = {str(pk) for pk in TrainingRun.objects.values_list("pk", flat=True)}
    drafts = [
        file
        for run in folders
        for folder in (run, *subfolders(run))
        for file in old_files(folder, older_than, now=now)
        if file.suffix == DRAFT_SUFFIX
    ]
    if not TrainingRun.objects.filter(status__in=OPEN_STATUSES).exists():  # the copies of a killed worker
        storage.discard_copies()
    return delete(drafts) + delete_folders(folder for folder in old if folder.name not in named)
