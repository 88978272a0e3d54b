"""A killed training goes on where it was and ends as an unbroken one; a bad checkpoint harms nothing."""

from __future__ import annotations

import json
import os
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
from ml.training.checkpoint import Arrays, Best, Checkpoints, State, checkpoint_files, training_key
from ml.training.trainer import NoUsableNetwork, train
from tests.ml.synthetic_dataset import bright_sides
from tests.ml.killable_training import BATCHES, EPOCHS, recipe

ROOT = Path(__file__).resolve().parents[2]


class Killed(Exception):
    """Stands for a worker that dies."""


def _process(radiographs: Path, out: Path, kill_at: int = -1) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.ml.killable_training", str(radiographs), str(out), str(kill_at)]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.mark.network
def test_a_training_killed_in_its_second_epoch_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    """Exactly: same radiographs, seed and machine draw the same numbers, and a checkpoint keeps every bit."""
    radiographs = tmp_path / "radiographs"
    radiographs.mkdir()
    bright_sides(radiographs)
    for name in ("broken", "whole"):
        (tmp_path / name).mkdir()

    killed = _process(radiographs, tmp_path / "broken", kill_at=BATCHES + 2)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [path.name for path in checkpoint_files(tmp_path / "broken" / "checkpoints")] == [
        "epoch-000001.npz"
    ]
    resumed = _process(radiographs, tmp_path / "broken")
    unbroken = _process(radiographs, tmp_path / "whole")
    assert (resumed.returncode, unbroken.returncode) == (0, 0), resumed.stderr + unbroken.stderr

    one, other = (json.loads(done.stdout.splitlines()[-1]) for done in (resumed, unbroken))
    assert (one["begun"], one["epochs"]) == ([1], [2, 3, 4])
    assert (other["begun"], other["epochs"]) == ([], [1, 2, 3, 4])
    assert one["all"] == other["all"]
    assert (one["weights"], one["temperature"]) == (other["weights"], other["temperature"])


def _train(
    radiographs: Split, out: Path, spec: TrainingSpec, *, should_stop: Callable[[], bool] = lambda: False
) -> tuple[Manifest, list[int], list[int]]:
    begun: list[int] = []
    told: list[int] = []
    manifest = train(
        radiographs,
        spec,
        start_from=None,
        out=out / "bundle",
        on_epoch=lambda report: told.append(report.epoch),
        should_stop=should_stop,
        checkpoints=out / "checkpoints",
        on_begin=lambda epochs: begun.extend(report.epoch for report in epochs),
    )
    return manifest, begun, told


def _killed(radiographs: Split, out: Path, spec: TrainingSpec, *, after: int) -> None:
    """Let a training die in the epoch after so many."""
    checkpoints = out / "checkpoints"

    def should_stop() -> bool:
        if (checkpoints / f"epoch-{after:06d}.npz").exists():
            raise Killed
        return False

    with pytest.raises(Killed):
        _train(radiographs, out, spec, should_stop=should_stop)


def _figures(manifest: Manifest) -> list[dict[str, Any]]:
    return [{k: v for k, v in e.items() if k != "seconds"} for e in manifest.training["epochs"]]


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return bright_sides(tmp_path_factory.mktemp("radiographs"))


@pytest.mark.network
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_training_in_stages_goes_on_in_the_midst_and_at_the_start_of_one(
    after: int, split: Split, tmp_path: Path
) -> None:
    spec = recipe((Stage(0.5, "block5_conv1"), Stage(0.5)))
    whole, _, _ = _train(split, tmp_path / "whole", spec)
    _killed(split, tmp_path / "broken", spec, after=after)
    manifest, begun, told = _train(split, tmp_path / "broken", spec)
    numbers = list(range(1, EPOCHS + 1))
    assert (begun, told) == (numbers[:after], numbers[after:])
    assert _figures(manifest) == _figures(whole)
    assert manifest.weights_sha256 == whole.weights_sha256
    assert manifest.training["resumed_after"] == after


@pytest.mark.network
def test_a_stop_before_a_killed_training_goes_on_keeps_its_best_epoch(split: Split, tmp_path: Path) -> None:
    _killed(split, tmp_path, recipe(), after=2)
    manifest, begun, told = _train(split, tmp_path, recipe(), should_stop=lambda: True)
    losses = [report["val_loss"] for report in manifest.training["epochs"]]
    assert (begun, told) == ([1, 2], [])
    assert manifest.training["stopped"] is True
    assert manifest.training["kept_epoch"] == 1 + int(np.argmin(losses))


@pytest.mark.network
@pytest.mark.parametrize("change", ["damaged", "other recipe", "other radiographs"])
def test_a_checkpoint_that_does_not_fit_is_passed_over_with_a_note(
    change: str, split: Split, tmp_path: Path
) -> None:
    spec = replace(recipe(), epochs=2)
    _killed(split, tmp_path, spec, after=1)
    (checkpoint,) = checkpoint_files(tmp_path / "checkpoints")
    if change == "damaged":
        checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    spec = replace(spec, learning_rate=2e-3) if change == "other recipe" else spec
    radiographs = replace(split, train=split.train[:-1]) if change == "other radiographs" else split
    manifest, begun, told = _train(radiographs, tmp_path, spec)
    note = "damaged" if change == "damaged" else "of another training"
    assert (begun, told) == ([], [1, 2])
    assert manifest.training["notes"] == [f"epoch-000001: {note}"]
    assert len(checkpoint_files(tmp_path / "checkpoints")) == 2


@pytest.mark.network
def test_a_training_whose_epochs_find_no_room_goes_on_and_says_so(split: Split, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file stands where the folder should be")
    manifest, _, told = _train(split, tmp_path, replace(recipe(), epochs=2))
    assert told == [1, 2]
    assert manifest.training["notes"] == ["epoch-000001: not stored", "epoch-000002: not stored"]


@pytest.mark.network
def test_a_worker_that_lost_its_run_writes_no_checkpoint(split: Split, tmp_path: Path) -> None:
    def lost(report: EpochReport) -> None:
        raise Killed

    with pytest.raises(Killed):
        train(
            split, recipe(), start_from=None, out=tmp_path / "bundle", on_epoch=lost,
            should_stop=lambda: False, checkpoints=tmp_path / "checkpoints",
        )  # fmt: skip
    assert checkpoint_files(tmp_path / "checkpoints") == []


@pytest.mark.network
def test_a_stop_while_the_radiographs_are_read_leaves_nothing(split: Split, tmp_path: Path) -> None:
    with pytest.raises(NoUsableNetwork):
        _train(split, tmp_path, recipe(), should_stop=lambda: True)


def _state(epochs: int = 2, best: int = 1) -> State:
    reports = tuple(
        EpochReport(k, 4, loss=1.5, accuracy=0.5, val_loss=0.1 + 0.2, val_accuracy=1 / 3, seconds=2.0)
        for k in range(1, epochs + 1)
    )
    random = np.random.default_rng(best)
    weights: Arrays = [random.normal(size=(40, 50)).astype(np.float32), np.array([1e-45, np.pi], np.float32)]
    return State(
        stage=1,
        steps=7,
        seconds=12.25,
        reports=reports,
        best=Best("best", 0.1 + 0.2, best, [array + 1 for array in weights]),
        weights=weights,
        optimizer=[np.array(7, np.int64), np.array([0.1], np.float32), *weights],
        seeds=[np.array([3, 2**32 - 1], np.uint32)],
    )


def _same(one: State, other: State) -> bool:
    pairs = (
        (one.weights, other.weights),
        (one.optimizer, other.optimizer),
        (one.seeds, other.seeds),
        (one.best.weights, other.best.weights),
    )
    plain = (one.stage, one.steps, one.seconds, one.reports, one.best.epoch, one.best.loss)
    return plain == (
        *(other.stage, other.steps, other.seconds, other.reports, other.best.epoch, other.best.loss),
    ) and all(
        len(a) == len(b)
        and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        for a, b in pairs
    )


def test_a_checkpoint_gives_back_every_bit(tmp_path: Path) -> None:
    keeper = Checkpoints(tmp_path, "key")
    keeper.save(_state())
    state, notes = keeper.load_newest()
    assert state is not None
    assert notes == ()
    assert _same(state, _state())


def test_weights_that_are_the_best_are_stored_once(tmp_path: Path) -> None:
    state = _state(epochs=2, best=2)
    state.best.weights = state.weights
    Checkpoints(tmp_path, "key").save(state)
    found, _ = Checkpoints(tmp_path, "key").load_newest()
    assert found is not None
    assert _same(found, state)
    with np.load(checkpoint_files(tmp_path)[0]) as stored:
        assert not [name for name in stored.files if name.startswith("best")]


def test_where_the_newest_is_damaged_the_one_before_it_serves(tmp_path: Path) -> None:
    keeper = Checkpoints(tmp_path, "key")
    for epochs in (1, 2, 3):
        keeper.save(_state(epochs, best=1))
    newest, before = checkpoint_files(tmp_path)
    newest.write_bytes(b"")
    state, notes = keeper.load_newest()
    assert (newest.name, before.name) == ("epoch-000003.npz", "epoch-000002.npz")
    assert state is not None
    assert (len(state.reports), notes) == (2, ("epoch-000003: damaged",))
    assert checkpoint_files(tmp_path) == [before]


def test_no_damage_is_taken_for_a_checkpoint(tmp_path: Path) -> None:
    """Cut at 60 places or with a bit turned at 300: the state is the one that was kept, or there is none."""
    keeper = Checkpoints(tmp_path, "key")
    keeper.save(_state())
    (path,) = checkpoint_files(tmp_path)
    content = path.read_bytes()
    random = np.random.default_rng(1)
    damaged = [content[: int(k)] for k in np.linspace(0, len(content) - 1, 60)]
    for place in random.integers(0, len(content), 300):
        turned = bytearray(content)
        turned[place] ^= 1 << int(random.integers(8))
        damaged.append(bytes(turned))
    refused = 0
    for bad in damaged:
        path.write_bytes(bad)
        state, notes = keeper.load_newest()
        assert (state is None) is bool(notes)
        assert state is None or _same(state, _state())
        refused += state is None
    assert refused > 300


class Bomb:
    """Leaves a folder behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return os.mkdir, (self.path,)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "epoch-000001.npz").open("wb") as file:
        np.savez(file, header=np.array([Bomb(tmp_path / "went-off")], dtype=object))
    assert Checkpoints(tmp_path, "key").load_newest() == (None, ("epoch-000001: damaged",))
    assert not (tmp_path / "went-off").exists()


def test_a_training_is_named_by_its_recipe_and_its_first_weights() -> None:
    weights = [np.zeros((2, 3), np.float32)]
    names = {
        training_key(["recipe"], weights),
        training_key(["other"], weights),
        training_key(["recipe"], [np.ones((2, 3), np.float32)]),
    }
    assert len(names) == 3
    assert training_key(["recipe"], weights) in names
