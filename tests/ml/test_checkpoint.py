"""Checkpoints store every bit; damaged and foreign files are refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ml.records import EpochReport
from ml.training.checkpoint import (
    Arrays,
    Checkpoints,
    SelectedWeights,
    TrainingState,
    checkpoint_files,
    training_key,
)


def _state(epochs: int = 2, best: int = 1) -> TrainingState:
    reports = tuple(
        EpochReport(k, 4, loss=1.5, accuracy=0.5, val_loss=0.1 + 0.2, val_accuracy=1 / 3, seconds=2.0)
        for k in range(1, epochs + 1)
    )
    random = np.random.default_rng(best)
    weights: Arrays = [random.normal(size=(40, 50)).astype(np.float32), np.array([1e-45, np.pi], np.float32)]
    return TrainingState(
        stage=1,
        steps=7,
        seconds=12.25,
        reports=reports,
        selected=SelectedWeights("best", 0.1 + 0.2, best, [array + 1 for array in weights]),
        weights=weights,
        optimizer=[np.array(7, np.int64), np.array([0.1], np.float32), *weights],
        seeds=[np.array([3, 2**32 - 1], np.uint32)],
    )


def _equal(first: TrainingState, second: TrainingState) -> bool:
    pairs = (
        (first.weights, second.weights),
        (first.optimizer, second.optimizer),
        (first.seeds, second.seeds),
        (first.selected.weights, second.selected.weights),
    )
    plain = [
        (each.stage, each.steps, each.seconds, each.reports, each.selected.epoch, each.selected.loss)
        for each in (first, second)
    ]
    return plain[0] == plain[1] and all(
        len(a) == len(b)
        and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        for a, b in pairs
    )


def test_a_checkpoint_stores_every_bit(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "key")
    checkpoints.save(_state())
    state, notes = checkpoints.load_newest()
    assert state is not None
    assert notes == ()
    assert _equal(state, _state())


def test_selected_weights_that_equal_the_current_ones_are_stored_once(tmp_path: Path) -> None:
    state = _state(epochs=2, best=2)
    state.selected.weights = state.weights
    Checkpoints(tmp_path, "key").save(state)
    loaded, _ = Checkpoints(tmp_path, "key").load_newest()
    assert loaded is not None
    assert _equal(loaded, state)
    with np.load(checkpoint_files(tmp_path)[0]) as stored:
        assert not [name for name in stored.files if name.startswith("selected")]


def test_a_damaged_newest_checkpoint_is_replaced_by_the_previous_one(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "key")
    for epochs in (1, 2, 3):
        checkpoints.save(_state(epochs, best=1))
    newest, previous = checkpoint_files(tmp_path)
    newest.write_bytes(b"")
    state, notes = checkpoints.load_newest()
    assert (newest.name, previous.name) == ("epoch-000003.npz", "epoch-000002.npz")
    assert state is not None
    assert (len(state.reports), notes) == (2, ("epoch-000003: damaged",))
    assert checkpoint_files(tmp_path) == [previous]


def test_a_damaged_checkpoint_never_gives_a_wrong_state(tmp_path: Path) -> None:
    """Truncated at 60 offsets or with one of 300 bits flipped, a file gives the stored state or none."""
    checkpoints = Checkpoints(tmp_path, "key")
    checkpoints.save(_state())
    (path,) = checkpoint_files(tmp_path)
    content = path.read_bytes()
    random = np.random.default_rng(1)
    damaged = [content[: int(k)] for k in np.linspace(0, len(content) - 1, 60)]
    for offset in random.integers(0, len(content), 300):
        flipped = bytearray(content)
        flipped[offset] ^= 1 << int(random.integers(8))
        damaged.append(bytes(flipped))
    refused = 0
    for bad in damaged:
        path.write_bytes(bad)
        state, notes = checkpoints.load_newest()
        assert (state is None) is bool(notes)
        assert state is None or _equal(state, _state())
        refused += state is None
    assert refused > 300


class Bomb:
    """Creates a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return os.mkdir, (self.path,)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "epoch-000001.npz").open("wb") as file:
        np.savez(file, header=np.array([Bomb(tmp_path / "executed")], dtype=object))
    assert Checkpoints(tmp_path, "key").load_newest() == (None, ("epoch-000001: damaged",))
    assert not (tmp_path / "executed").exists()


def test_the_training_key_depends_on_recipe_and_initial_weights() -> None:
    weights = [np.zeros((2, 3), np.float32)]
    keys = {
        training_key(["recipe"], weights),
        training_key(["other"], weights),
        training_key(["recipe"], [np.ones((2, 3), np.float32)]),
    }
    assert len(keys) == 3
    assert training_key(["recipe"], weights) in keys
