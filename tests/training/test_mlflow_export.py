"""The export of a run to MLflow, read back with MLflow's own client where that is installed."""

from __future__ import annotations

import builtins
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.training.models import Epoch
from diagnostics.training.services import mlflow_export
from tests.training.conftest import queue_run
from tests.training.test_pipeline import train

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.filterwarnings("ignore")  # those of MLflow and its packages
def test_an_exported_run_is_read_by_mlflow(
    signed_radiographs: None,
    administrator: User,
    now: datetime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in mlflow_export.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    tracking = pytest.importorskip("mlflow.tracking")
    run = train(queue_run(administrator, now).pk)

    call_command("export_mlflow", "1", str(tmp_path / "mlruns"))

    client = tracking.MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("Readroom")
    (exported,) = client.search_runs([experiment.experiment_id])
    assert exported.info.status == "FINISHED"
    assert exported.data.params["recipe"] == "vgg16-finetune"
    assert exported.data.tags["readroom.snapshot_sha256"] == run.snapshot_sha256
    history = client.get_metric_history(exported.info.run_id, "val_loss")
    assert [(each.step, each.value) for each in history] == list(
        Epoch.objects.filter(run=run).values_list("number", "val_loss")
    )
    assert "test_covid-19_auroc" in exported.data.metrics
    files = {each.path for each in client.list_artifacts(exported.info.run_id)}
    assert {"curves.svg", "confusion.svg", "card.md"} <= files
    stored = [path for path in (tmp_path / "mlruns").rglob("*") if path.is_file()]
    assert not [path for path in stored if b"MRN-" in path.read_bytes()]
    assert AuditEvent.objects.get(action=Action.RUN_EXPORTED).detail == {"number": 1, "format": "mlflow"}


def test_without_the_client_the_command_says_what_to_install(
    signed_radiographs: None,
    administrator: User,
    now: datetime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue_run(administrator, now)
    original = builtins.__import__

    def without_mlflow(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("mlflow"):
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_mlflow)

    with pytest.raises(CommandError, match=r"pip install -r requirements-mlflow\.txt"):
        call_command("export_mlflow", "1", str(tmp_path / "mlruns"))


def test_an_unknown_run_is_refused(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no training run 7"):
        call_command("export_mlflow", "7", str(tmp_path))
