"""Counting the snapshots of finished runs once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from diagnostics.training import snapshot_index
from diagnostics.training.models import SnapshotFigures
from diagnostics.training.selectors import snapshots


def count_next(*, now: datetime) -> bool:
    """Store the numbers of one finished run that has none; return whether there was one."""
    run = snapshots.next_uncounted_run()
    if run is None:
        return False
    snapshot_index.store_figures(run, now=now)
    return True


def count_again(runs: Collection[UUID]) -> None:
    """Drop the numbers of runs whose labels were changed, and those that compare with them."""
    SnapshotFigures.objects.filter(run__in=runs).delete()
    SnapshotFigures.objects.filter(since__in=runs).delete()
