"""Checkpoints: the state of a training after each epoch, from which another process can resume it."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ml.records import EpochReport
from ml.training.errors import UnusableCheckpoint

MAX_CHECKPOINTS: Final = 2  # the newest, and the previous one in case the newest is damaged
FORMAT: Final = 1

Arrays = list[NDArray[Any]]


@dataclass
class SelectedWeights:
    """Weights of the selected epoch: the one with the lowest validation loss, or the last one."""

    keep: str  # "best" or "last"
    loss: float = float("inf")
    epoch: int = 0
    weights: Arrays = field(default_factory=list)

    def update(self, report: EpochReport, weights: Arrays) -> None:
        """Select the weights of an epoch if it is better than the selected one, or always for "last"."""
        if self.keep == "last" or report.val_loss < self.loss:
            self.loss, self.epoch, self.weights = report.val_loss, report.epoch, weights


@dataclass
class TrainingState:
    """Everything that, with the same images, determines the remaining epochs of a training."""

    stage: int
    steps: int
    seconds: float
    reports: tuple[EpochReport, ...]
    selected: SelectedWeights
    weights: Arrays
    optimizer: Arrays
    seeds: Arrays  # of layers that draw random numbers; Keras does not count them as weights


@dataclass(frozen=True)
class Checkpoints:
    """Checkpoints of one training in a folder of their own, one file for each epoch."""

    folder: Path
    key: str  # identifies images, recipe and initial weights; see `training_key`

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint atomically and delete those that are no longer needed; raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"epoch-{len(state.reports):06d}.npz"
        draft = path.with_suffix(".tmp")
        arrays: dict[str, Any] = _arrays(state)
        try:
            with draft.open("wb") as file:
                np.savez(file, header=np.array(self._header(state)), **arrays)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        for old in checkpoint_files(self.folder)[MAX_CHECKPOINTS:]:
            old.unlink(missing_ok=True)

    def load_newest(self) -> tuple[TrainingState | None, tuple[str, ...]]:
        """Return the newest usable state or None, and a note on each unusable file, which is deleted."""
        notes: list[str] = []
        for path in checkpoint_files(self.folder):
            try:
                return self._read(path), tuple(notes)
            except UnusableCheckpoint as error:
                notes.append(f"{path.stem}: {error}")
                path.unlink(missing_ok=True)
        return None, tuple(notes)

    def _header(self, state: TrainingState) -> str:
        selected = state.selected
        return json.dumps(
            {
                "key": self.key,
                "stage": state.stage,
                "steps": state.steps,
                "seconds": state.seconds,
                "reports": [vars(report) for report in state.reports],
                "selected": {"keep": selected.keep, "loss": selected.loss, "epoch": selected.epoch},
            }
        )

    def _read(self, path: Path) -> TrainingState:
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                header = json.loads(str(stored["header"][()]))
                if header["key"] != self.key:
                    raise UnusableCheckpoint("of another training")
                return _state(header, {name: stored[name] for name in stored.files})
        except UnusableCheckpoint:
            raise
        except (OSError, EOFError, ValueError, KeyError, TypeError, NotImplementedError) as error:
            raise UnusableCheckpoint("damaged") from error
        except (BadZipFile, zlib.error) as error:
            raise UnusableCheckpoint("damaged") from error


def checkpoint_files(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, newest first."""
    return sorted(folder.glob("epoch-*.npz"), reverse=True)


def training_key(parts: Sequence[str], weights: Arrays) -> str:
    """Return the SHA-256 of the texts that determine a training and of its initial weights."""
    digest = hashlib.sha256(json.dumps([FORMAT, *parts]).encode())
    for array in weights:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _arrays(state: TrainingState) -> dict[str, NDArray[Any]]:
    kinds = {"weights": state.weights, "optimizer": state.optimizer, "seeds": state.seeds}
    if state.selected.epoch != len(state.reports):  # otherwise they equal the current weights
        kinds["selected"] = state.selected.weights
    return {f"{kind}-{k:05d}": array for kind, arrays in kinds.items() for k, array in enumerate(arrays)}


def _state(header: dict[str, Any], stored: dict[str, NDArray[Any]]) -> TrainingState:
    def arrays(kind: str) -> Arrays:
        return [stored[name] for name in sorted(stored) if name.startswith(f"{kind}-")]

    weights = arrays("weights")
    return TrainingState(
        stage=header["stage"],
        steps=header["steps"],
        seconds=header["seconds"],
        reports=tuple(EpochReport(**report) for report in header["reports"]),
        selected=SelectedWeights(**header["selected"], weights=arrays("selected") or weights),
        weights=weights,
        optimizer=arrays("optimizer"),
        seeds=arrays("seeds"),
    )
