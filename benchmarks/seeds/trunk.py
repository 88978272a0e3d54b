"""Pre-training of the VGG16 trunk on radiographs that no reproduced system uses.

It sees COVID-19 and normal radiographs of one part of the Radiography Database, without whole copies of any
other collection and cropped ones of Cohen's. NIH's and Cohen's radiographs, and so all of DarkCovidNet, stay
unseen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.public_datasets import by_patient
from benchmarks.seeds.collections import Collections
from ml.recipes import Stage, TrainingSpec, at_size, get_recipe
from ml.records import EpochReport

FROM_TRUNK: Final = "vgg16-from-trunk"  # preset of the fine-tuning
SIZE: Final = 128  # pixels, of the last part of the time
SMALLER: Final = ((0.5, 64), (0.8, 96))  # (until this share of the time, pixels)
LEARNING_RATE: Final = 8e-4
BATCH_SIZE: Final = 32
STEPS_PER_EPOCH: Final = 100


def pretrain(data: Collections, out: Path, minutes: float) -> None:
    """Train the trunk for some minutes; write its bundle and one line per epoch. Raises OSError."""
    from ml.training import trainer  # TensorFlow is imported only where it is needed

    split = by_patient(data.radiography_of_the_trunk())
    out.mkdir(parents=True, exist_ok=True)
    with (out / "epochs.jsonl").open("w", encoding="utf-8") as log:
        trainer.train(
            split, trunk_spec(minutes), start_from=None, out=out, on_epoch=_writer(log.write, log.flush),
            should_stop=lambda: False,
        )  # fmt: skip


def trunk_spec(minutes: float) -> TrainingSpec:
    """Return the recipe: VGG16 with batch normalisation from random weights, with growing image sizes."""
    return replace(
        at_size(get_recipe("vgg16-scratch"), SIZE),
        preset="vgg16-trunk",
        minutes=minutes,
        steps_per_epoch=STEPS_PER_EPOCH,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        sizes=SMALLER,
        keep="last",
    )


def fine_tuning_spec() -> TrainingSpec:
    """Return the recipe that trains the head and then all layers from the trunk on."""
    return replace(
        get_recipe("vgg16-finetune"),
        preset=FROM_TRUNK,
        stages=(Stage(0.2, "logits"), Stage(0.8)),
        epochs=15,
        learning_rate=5e-4,
        weight_decay=1e-2,
        augmentation=0.7,
    )


def _writer(write: Callable[[str], int], flush: Callable[[], None]) -> Callable[[EpochReport], None]:
    def write_epoch(report: EpochReport) -> None:
        write(json.dumps(vars(report)) + "\n")
        flush()

    return write_epoch
