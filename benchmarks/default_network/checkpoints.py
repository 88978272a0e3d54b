"""Numbered checkpoints as .npz files without pickled objects, each written whole or not at all."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAX_CHECKPOINTS: Final = 2  # the newest, and the previous one in case the newest is damaged

NamedArrays = dict[str, list[NDArray[Any]]]


@dataclass
class Progress:
    """How far the training has come, over all its attempts."""

    step: int = 0
    processor_seconds: float = 0.0
    wall_seconds: float = 0.0
    attempts: int = 0


class NumberedCheckpoints:
    """The checkpoints of one training in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, arrays: NamedArrays, progress: Progress) -> None:
        """Write a checkpoint and delete all but the newest."""
        flat = {f"{name}-{k:03d}": array for name, group in arrays.items() for k, array in enumerate(group)}
        draft = self.folder / "draft"
        with draft.open("wb") as file:
            np.savez(file, allow_pickle=False, progress=np.array(json.dumps(asdict(progress))), **flat)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / f"step-{progress.step:07d}.npz")
        for old in self._newest_first()[MAX_CHECKPOINTS:]:
            old.unlink(missing_ok=True)

    def load(self) -> tuple[NamedArrays, Progress] | None:
        """Read the newest checkpoint that is whole; None if there is none."""
        for path in self._newest_first():
            try:
                return read_checkpoint(path)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                print(f"{path.name} is damaged and was skipped: {error}", flush=True)
        return None

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.npz"), reverse=True)


def read_checkpoint(path: Path) -> tuple[NamedArrays, Progress]:
    """Read a checkpoint; raises OSError, ValueError, KeyError or BadZipFile."""
    arrays: NamedArrays = {}
    with np.load(path, allow_pickle=False) as stored:
        progress = Progress(**json.loads(str(stored["progress"])))
        for name in sorted(set(stored.files) - {"progress"}):
            arrays.setdefault(name.rpartition("-")[0], []).append(stored[name])
    return arrays, progress
