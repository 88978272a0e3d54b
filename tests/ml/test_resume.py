"""A killed training resumes and gives the result of an uninterrupted one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.datasets.patient_split import Split
from ml.recipes import Stage, TrainingSpec
from ml.records import EpochReport, Manifest
from ml.training.checkpoint import (
    checkpoint_files,
)
from ml.training.trainer import NoUsableNetwork, train
from tests.ml.killable_training import BATCHES, EPOCHS, recipe
from tests.ml.synthetic_dataset import synthetic_split

ROOT = Path(__file__).resolve().parents[2]


class Killed(Exception):
    """Simulates the death of a worker."""


def _run_process(radiographs: Path, out: Path, kill_at: int = -1) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.ml.killable_training", str(radiographs), str(out), str(kill_at)]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.mark.network
def test_a_training_killed_in_its_second_epoch_gives_the_same_result_as_an_uninterrupted_one(
    tmp_path: Path,
) -> None:
    """Exactly: equal images, seed and machine give equal numbers, and a checkpoint stores every bit."""
    radiographs = tmp_path / "radiographs"
    radiographs.mkdir()
    synthetic_split(radiographs)
    for name in ("killed", "uninterrupted"):
        (tmp_path / name).mkdir()

    killed = _run_process(radiographs, tmp_path / "killed", kill_at=BATCHES + 2)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [path.name for path in checkpoint_files(tmp_path / "killed" / "checkpoints")] == [
        "epoch-000001.npz"
    ]
    resumed = _run_process(radiographs, tmp_path / "killed")
    uninterrupted = _run_process(radiographs, tmp_path / "uninterrupted")
    assert (resumed.returncode, uninterrupted.returncode) == (0, 0), resumed.stderr + uninterrupted.stderr

    first, second = (json.loads(done.stdout.splitlines()[-1]) for done in (resumed, uninterrupted))
    assert (first["resumed"], first["epochs"]) == ([1], [2, 3, 4])
    assert (second["resumed"], second["epochs"]) == ([], [1, 2, 3, 4])
    for key in ("reports", "weights", "temperature"):
        assert first[key] == second[key]


def _train(
    radiographs: Split, out: Path, spec: TrainingSpec, *, should_stop: Callable[[], bool] = lambda: False
) -> tuple[Manifest, list[int], list[int]]:
    resumed: list[int] = []
    trained: list[int] = []
    manifest = train(
        radiographs,
        spec,
        start_from=None,
        out=out / "bundle",
        on_epoch=lambda report: trained.append(report.epoch),
        should_stop=should_stop,
        checkpoints=out / "checkpoints",
        on_begin=lambda epochs: resumed.extend(report.epoch for report in epochs),
    )
    return manifest, resumed, trained


def _killed(radiographs: Split, out: Path, spec: TrainingSpec, *, after: int) -> None:
    """Kill a training in the epoch after epoch `after`."""
    checkpoints = out / "checkpoints"

    def should_stop() -> bool:
        if (checkpoints / f"epoch-{after:06d}.npz").exists():
            raise Killed
        return False

    with pytest.raises(Killed):
        _train(radiographs, out, spec, should_stop=should_stop)


def _reports(manifest: Manifest) -> list[dict[str, Any]]:
    return [{k: v for k, v in e.items() if k != "seconds"} for e in manifest.training["epochs"]]


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return synthetic_split(tmp_path_factory.mktemp("radiographs"))


@pytest.mark.network
@pytest.mark.parametrize("after", [*(pytest.param(n, marks=pytest.mark.nightly) for n in (1, 2)), 3])
def test_a_training_resumes_within_a_stage_and_at_the_start_of_one(
    after: int, split: Split, tmp_path: Path
) -> None:
    spec = recipe((Stage(0.5, "block5_conv1"), Stage(0.5)))
    uninterrupted, _, _ = _train(split, tmp_path / "uninterrupted", spec)
    _killed(split, tmp_path / "killed", spec, after=after)
    manifest, resumed, trained = _train(split, tmp_path / "killed", spec)
    numbers = list(range(1, EPOCHS + 1))
    assert (resumed, trained) == (numbers[:after], numbers[after:])
    assert _reports(manifest) == _reports(uninterrupted)
    assert manifest.weights_sha256 == uninterrupted.weights_sha256
    assert manifest.training["resumed_after"] == after


@pytest.mark.network
def test_a_resumed_training_that_is_stopped_at_once_selects_its_best_epoch(
    split: Split, tmp_path: Path
) -> None:
    _killed(split, tmp_path, recipe(), after=2)
    manifest, resumed, trained = _train(split, tmp_path, recipe(), should_stop=lambda: True)
    losses = [report["val_loss"] for report in manifest.training["epochs"]]
    assert (resumed, trained) == ([1, 2], [])
    assert manifest.training["stopped"] is True
    assert manifest.training["selected_epoch"] == 1 + int(np.argmin(losses))


@pytest.mark.network
@pytest.mark.parametrize(
    "change",
    [
        "damaged",
        *(pytest.param(name, marks=pytest.mark.nightly) for name in ("other recipe", "other radiographs")),
    ],
)
def test_an_unusable_checkpoint_is_skipped_with_a_note(change: str, split: Split, tmp_path: Path) -> None:
    spec = replace(recipe(), epochs=2)
    _killed(split, tmp_path, spec, after=1)
    (checkpoint,) = checkpoint_files(tmp_path / "checkpoints")
    if change == "damaged":
        checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    spec = replace(spec, learning_rate=2e-3) if change == "other recipe" else spec
    radiographs = replace(split, train=split.train[:-1]) if change == "other radiographs" else split
    manifest, resumed, trained = _train(radiographs, tmp_path, spec)
    note = "damaged" if change == "damaged" else "of another training"
    assert (resumed, trained) == ([], [1, 2])
    assert manifest.training["notes"] == [f"epoch-000001: {note}"]
    assert len(checkpoint_files(tmp_path / "checkpoints")) == 2


@pytest.mark.network
def test_a_training_that_cannot_store_checkpoints_goes_on_and_notes_it(split: Split, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file in place of the folder")
    manifest, _, trained = _train(split, tmp_path, replace(recipe(), epochs=2))
    assert trained == [1, 2]
    assert manifest.training["notes"] == ["epoch-000001: not stored", "epoch-000002: not stored"]


@pytest.mark.network
def test_a_worker_that_has_lost_its_lease_writes_no_checkpoint(split: Split, tmp_path: Path) -> None:
    def lost(report: EpochReport) -> None:
        raise Killed

    with pytest.raises(Killed):
        train(
            split, recipe(), start_from=None, out=tmp_path / "bundle", on_epoch=lost,
            should_stop=lambda: False, checkpoints=tmp_path / "checkpoints",
        )  # fmt: skip
    assert checkpoint_files(tmp_path / "checkpoints") == []


@pytest.mark.network
def test_a_stop_while_the_images_are_loaded_leaves_no_network(split: Split, tmp_path: Path) -> None:
    with pytest.raises(NoUsableNetwork):
        _train(split, tmp_path, recipe(), should_stop=lambda: True)
