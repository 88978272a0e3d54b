"""Export of a training run to MLflow: parameters, curves, test results and files, without patient data.

The client of MLflow is an optional package (requirements-mlflow.txt) and is imported where it is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.registry import selectors as registry
from diagnostics.registry.presenters.metrics import Json
from diagnostics.training.errors import MlflowMissing
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors import runs
from ml.networks import bundle
from ml.trust.report_files import HTML, JSON

EXPERIMENT: Final = "Readroom"
# No file of this list names a patient or shows a radiograph; the weights stay in the registry.
BUNDLE_FILES: Final = (bundle.CARD, JSON, HTML)
# MLflow sends usage data and refuses folders unless it is told otherwise.
ENVIRONMENT: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
}


def export(*, run: TrainingRun, store: str, by: User | None, now: datetime) -> str:
    """Write a finished run into an MLflow store, a folder or a tracking server; return its MLflow id.

    `by` is None on the command line.
    Raises MlflowMissing.
    """
    client = _client(store)
    found = client.get_experiment_by_name(EXPERIMENT)
    experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
    started = run.started_at or run.queued_at
    exported = client.create_run(
        experiment, run_name=f"run {run.number}", start_time=_milliseconds(started), tags=_tags(run)
    )
    number = exported.info.run_id
    for name, value in run.parameters.items():
        client.log_param(number, name, value)
    _log_curves(client, number, run)
    for name, measured in _test_results(run):
        client.log_metric(number, name, measured, timestamp=_milliseconds(run.finished_at or started))
    for path in _files(run):
        client.log_artifact(number, str(path))
    status = "FINISHED" if run.candidate else "FAILED"
    client.set_terminated(number, status, end_time=_milliseconds(run.finished_at or started))
    detail = {"number": run.number, "format": "mlflow"}
    audit.record(action=Action.RUN_EXPORTED, by=by, target=run, detail=detail, now=now)
    return str(number)


def _client(store: str) -> Any:
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        text = _("The MLflow client is not installed. Run: pip install -r requirements-mlflow.txt")
        raise MlflowMissing(text) from error
    uri = store if "://" in store else Path(store).absolute().as_uri()
    return MlflowClient(tracking_uri=uri)


def _tags(run: TrainingRun) -> dict[str, str]:
    values = {
        "readroom.run": str(run.pk),
        "readroom.snapshot_sha256": run.snapshot_sha256,
        "readroom.parent": str(run.parent or ""),
        "readroom.version": str(run.candidate or ""),
        "readroom.verdict": run.candidate.verdict if run.candidate else "",
        "readroom.leak_reason": run.leak_reason,
        "readroom.failure": run.failure_code,
    }
    return {name: value for name, value in values.items() if value}


def _log_curves(client: Any, number: str, run: TrainingRun) -> None:
    at = run.started_at or run.queued_at
    elapsed = 0.0
    for epoch in run.epochs.all():
        elapsed += epoch.seconds
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            timestamp = _milliseconds(at) + round(1000 * elapsed)
            client.log_metric(number, name, getattr(epoch, name), step=epoch.number, timestamp=timestamp)


def _test_results(run: TrainingRun) -> Iterator[tuple[str, float]]:
    if run.candidate is None:
        return
    test: Json = (run.candidate.manifest.get("metrics") or {}).get("test") or {}
    for label, row in (test.get("per_class") or {}).items():
        for name in ("auroc", "sensitivity", "specificity"):
            value = row.get(name)
            value = value.get("value") if isinstance(value, dict) else value
            if isinstance(value, int | float):
                yield f"test_{label}_{name}", float(value)


def _files(run: TrainingRun) -> list[Path]:
    plots = [runs.folder(run) / f"{name}.svg" for name in runs.PLOTS]
    folder = registry.bundle_path(run.candidate) if run.candidate else None
    files = [folder / name for name in BUNDLE_FILES] if folder else []
    return [path for path in (*plots, *files) if path.is_file()]


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
