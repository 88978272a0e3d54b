"""Runs the prediction job of a case in a test."""

from __future__ import annotations

from pathlib import Path

from diagnostics.cases import pipeline, storage
from diagnostics.cases.models import Case, Prediction
from diagnostics.jobs.lease import Clock


def compute(case: Case, clock: Clock) -> Prediction:
    """Run the job of the newest prediction as a worker does, and return the prediction."""
    prediction = case.predictions.latest("queued_at")
    pipeline.classify(prediction.pk, clock=clock)
    prediction.refresh_from_db()
    return prediction


def stored_files() -> list[Path]:
    """Return the files of all predictions."""
    return sorted(storage.path("predictions").rglob("*.*"))
