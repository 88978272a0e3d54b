"""A training in a process of its own, which may kill itself: `python -m tests.ml.killed_training`."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from ml.recipes import Stage, TrainingSpec, at_size, get_recipe
from ml.records import LabelledImage

EPOCHS, BATCHES = 4, 2


def recipe(stages: tuple[Stage, ...] = (Stage(1.0),)) -> TrainingSpec:
    """Return a small recipe with dropout, batch norm and augmentation: all that draws or remembers."""
    small = at_size(get_recipe("scratch-cnn", seed=3, epochs=EPOCHS), 32)
    return replace(small, batch_size=6, stages=stages, variants=1)


def main() -> None:
    """Train on the radiographs of a folder; killed with signal 9 before the batch of a number, if one is given."""
    folder, out, kill_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    from ml.datasets.patient_split import Split
    from ml.training import trainer
    from tests.ml.bright_radiographs import CLASSES

    def radiographs(numbers: range) -> tuple[LabelledImage, ...]:
        return tuple(
            LabelledImage(folder / f"radiograph-{k}.png", CLASSES[k % 3], f"patient-{k}") for k in numbers
        )

    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += "epochs" in told  # once the radiographs are read, before each batch
        if asked == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    told: dict[str, list[int]] = {}
    manifest = trainer.train(
        Split(radiographs(range(12)), radiographs(range(12, 18)), ()),
        recipe(),
        start_from=None,
        out=out / "bundle",
        on_epoch=lambda report: told["epochs"].append(report.epoch),
        should_stop=should_stop,
        checkpoints=out / "checkpoints",
        on_begin=lambda epochs: told.update(begun=[e.epoch for e in epochs], epochs=[]),
    )
    epochs = [{k: v for k, v in e.items() if k != "seconds"} for e in manifest.training["epochs"]]
    answer = {**told, "all": epochs, "weights": manifest.weights_sha256, "temperature": manifest.temperature}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
