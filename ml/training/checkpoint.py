"""What a training keeps after each epoch, so that another process can go on with it."""

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

KEPT: Final = 2  # the newest, and the one before it should the newest be damaged
FORMAT: Final = 1

Arrays = list[NDArray[Any]]


class Damaged(ValueError):
    """A checkpoint that cannot be read."""


class Foreign(ValueError):
    """A checkpoint of another training."""


@dataclass
class Best:
    """The weights to keep, with the epoch they are from."""

    keep: str  # "best" or "last"
    loss: float = float("inf")
    epoch: int = 0
    weights: Arrays = field(default_factory=list)

    def consider(self, report: EpochReport, weights: Arrays) -> None:
        """Take an epoch's weights if they are the better ones, or the later ones where that is the rule."""
        if self.keep == "last" or report.val_loss < self.loss:
            self.loss, self.epoch, self.weights = report.val_loss, report.epoch, weights


@dataclass
class State:
    """A training between two epochs: with it and the same radiographs, the rest of the way is decided."""

    stage: int
    steps: int
    seconds: float
    reports: tuple[EpochReport, ...]
    best: Best
    weights: Arrays
    optimizer: Arrays
    seeds: Arrays  # of the layers that draw random numbers; no network counts them among its weights


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training in a folder of their own, one file per epoch."""

    folder: Path
    key: str  # names radiographs, recipe and first weights; see `key_of`

    def save(self, state: State) -> None:
        """Write a checkpoint whole or not at all, and drop those no longer needed; raises OSError."""
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
        for old in found_in(self.folder)[KEPT:]:
            old.unlink(missing_ok=True)

    def newest(self) -> tuple[State | None, tuple[str, ...]]:
        """Read the newest that can be used, with a note on each that cannot; those are removed."""
        notes: list[str] = []
        for path in found_in(self.folder):
            try:
                return self._read(path), tuple(notes)
            except (Damaged, Foreign) as trouble:
                notes.append(f"{path.stem}: {trouble}")
                path.unlink(missing_ok=True)
        return None, tuple(notes)

    def _header(self, state: State) -> str:
        best = state.best
        return json.dumps(
            {
                "key": self.key,
                "stage": state.stage,
                "steps": state.steps,
                "seconds": state.seconds,
                "reports": [vars(report) for report in state.reports],
                "best": {"keep": best.keep, "loss": best.loss, "epoch": best.epoch},
            }
        )

    def _read(self, path: Path) -> State:
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                header = json.loads(str(stored["header"][()]))
                if header["key"] != self.key:
                    raise Foreign("of another training")
                return _state(header, {name: stored[name] for name in stored.files})
        except Foreign:
            raise
        except (OSError, EOFError, ValueError, KeyError, TypeError, NotImplementedError) as trouble:
            raise Damaged("damaged") from trouble
        except (BadZipFile, zlib.error) as trouble:
            raise Damaged("damaged") from trouble


def found_in(folder: Path) -> list[Path]:
    """List the checkpoints of a folder, the newest first."""
    return sorted(folder.glob("epoch-*.npz"), reverse=True)


def key_of(parts: Sequence[str], weights: Arrays) -> str:
    """Name a training by texts that decide it and by the weights it begins with (SHA-256)."""
    found = hashlib.sha256(json.dumps([FORMAT, *parts]).encode())
    for array in weights:
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _arrays(state: State) -> dict[str, NDArray[Any]]:
    kinds = {"weights": state.weights, "optimizer": state.optimizer, "seeds": state.seeds}
    if state.best.epoch != len(state.reports):  # otherwise they are the present ones
        kinds["best"] = state.best.weights
    return {f"{kind}-{k:05d}": array for kind, arrays in kinds.items() for k, array in enumerate(arrays)}


def _state(header: dict[str, Any], stored: dict[str, NDArray[Any]]) -> State:
    def arrays(kind: str) -> Arrays:
        return [stored[name] for name in sorted(stored) if name.startswith(f"{kind}-")]

    weights = arrays("weights")
    return State(
        stage=header["stage"],
        steps=header["steps"],
        seconds=header["seconds"],
        reports=tuple(EpochReport(**report) for report in header["reports"]),
        best=Best(**header["best"], weights=arrays("best") or weights),
        weights=weights,
        optimizer=arrays("optimizer"),
        seeds=arrays("seeds"),
    )
