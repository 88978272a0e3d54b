"""The metrics of a run's epochs: rows of the database and the plot of the training curves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from django.db import transaction

from diagnostics.training.models import Epoch, TrainingRun
from ml.records import EpochReport

CURVES: Final = "curves.svg"
SECONDS_BETWEEN: Final = 2.0  # stored progress of batches


class EpochLog:
    """Stores each epoch of one run; `check_lease` raises LeaseLost before anything is written."""

    def __init__(self, run: TrainingRun, folder: Path, *, check_lease: Callable[[], None]) -> None:
        self._run, self._folder, self._check_lease = run, folder, check_lease
        self._reports: list[EpochReport] = []

    def begin(self, reports: Sequence[EpochReport]) -> None:
        """Replace the stored epochs by those that an earlier attempt has completed; raises LeaseLost."""
        self._check_lease()
        self._reports = list(reports)
        with transaction.atomic():
            Epoch.objects.filter(run=self._run).delete()
            Epoch.objects.bulk_create(self._row(report) for report in reports)

    def add(self, report: EpochReport) -> None:
        """Store one more epoch; raises LeaseLost."""
        from ml.metrics import plots

        self._check_lease()
        self._reports.append(report)
        write_plot(self._folder / CURVES, plots.curves_svg(self._reports))
        self._row(report).save()
        TrainingRun.objects.filter(pk=self._run.pk).update(batch=0)

    def _row(self, report: EpochReport) -> Epoch:
        return Epoch(
            run=self._run,
            number=report.epoch,
            planned_epochs=report.epochs,
            loss=report.loss,
            accuracy=report.accuracy,
            val_loss=report.val_loss,
            val_accuracy=report.val_accuracy,
            seconds=report.seconds,
        )


class BatchProgress:
    """Stores the completed batches of the current epoch, at most every few seconds."""

    def __init__(self, update: Callable[..., None]) -> None:
        """Prepare; `update` stores columns of the run and raises LeaseLost."""
        self._update, self._stored_at = update, -SECONDS_BETWEEN

    def __call__(self, done: int, total: int) -> None:
        """Store the progress when the last one is old enough; raises LeaseLost."""
        elapsed = time.monotonic()
        if elapsed - self._stored_at >= SECONDS_BETWEEN:
            self._stored_at = elapsed
            self._update(batch=done, batches=total)


def write_plot(path: Path, svg: str) -> None:
    """Write a plot in one step, so that no reader sees an incomplete file."""
    draft = path.with_suffix(".tmp")
    draft.write_text(svg, encoding="utf-8")
    draft.replace(path)
