"""A training process that can kill itself: `python -m tests.ml.killable_training FOLDER OUT BATCH`."""

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
    """Return a small recipe with dropout, batch norm and augmentation, so with every kind of random state."""
    small = at_size(get_recipe("scratch-cnn", seed=3, epochs=EPOCHS), 32)
    return replace(small, batch_size=6, stages=stages, variants=1)


def main() -> None:
    """Train on the images of a folder and print the result; send signal 9 before batch BATCH."""
    folder, out, kill_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    from ml.datasets.patient_split import Split
    from ml.training import trainer
    from tests.ml.synthetic_dataset import CLASSES

    def radiographs(numbers: range) -> tuple[LabelledImage, ...]:
        return tuple(
            LabelledImage(folder / f"radiograph-{k}.png", CLASSES[k % 3], f"patient-{k}") for k in numbers
        )

    batch = 0

    def should_stop() -> bool:
        nonlocal batch
        batch += "epochs" in callbacks  # called before each batch, but also before the images are decoded
        if batch == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    callbacks: dict[str, list[int]] = {}
    manifest = trainer.train(
        Split(radiographs(range(12)), radiographs(range(12, 18)), ()),
        recipe(),
        start_from=None,
        out=out / "bundle",
        on_epoch=lambda report: callbacks["epochs"].append(report.epoch),
        should_stop=should_stop,
        checkpoints=out / "checkpoints",
        on_begin=lambda epochs: callbacks.update(resumed=[e.epoch for e in epochs], epochs=[]),
    )
    reports = [{k: v for k, v in e.items() if k != "seconds"} for e in manifest.training["epochs"]]
    result = {"reports": reports, "weights": manifest.weights_sha256, "temperature": manifest.temperature}
    sys.stdout.write(json.dumps({**callbacks, **result}))


if __name__ == "__main__":
    main()
