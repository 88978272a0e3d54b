"""Train the default bundle of public radiographs: `python -m benchmarks.train_default DATA --out DIR`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.public_datasets import PublicDatasets, gather
from ml.recipes import TrainingSpec, at_size, get_recipe
from ml.records import EpochReport

SIZE: Final = 128  # of the last part of the training
SMALLER: Final = ("0.5:64", "0.85:96")  # until half of the time 64 px, then 96 px
STEPS_PER_EPOCH: Final = 100
STOP: Final = "stop"  # a file of this name in the output folder ends the training early


def recipe(minutes: float, *, batch_size: int, learning_rate: float, smaller: Sequence[str]) -> TrainingSpec:
    """Return the recipe: VGG16 with batch norm from scratch, in sizes of growing cost."""
    parts = (part.split(":") for part in smaller)
    return replace(
        at_size(get_recipe("vgg16-scratch"), SIZE),
        preset="vgg16-default",
        minutes=minutes,
        steps_per_epoch=STEPS_PER_EPOCH,
        batch_size=batch_size,
        learning_rate=learning_rate,
        sizes=tuple((float(until), int(size)) for until, size in parts),
        keep="last",
    )


def going_on(spec: TrainingSpec) -> TrainingSpec:
    """Return the recipe of a second part: it begins with the first's weights and draws other radiographs."""
    return replace(spec, fine_tune=True, seed=spec.seed + 1)


def learn(radiographs: PublicDatasets, out: Path, spec: TrainingSpec, start_from: Path | None) -> None:
    """Train into `out`, writing a line per epoch into `out`/epochs.jsonl."""
    from ml.training import trainer  # TensorFlow, only where it is needed

    out.mkdir(parents=True, exist_ok=True)
    with (out / "epochs.jsonl").open("w", encoding="utf-8") as log:
        trainer.train(
            radiographs.split, spec, start_from=start_from, out=out, on_epoch=_into(log.write, log.flush),
            should_stop=(out / STOP).exists,
        )  # fmt: skip


def _into(write: Callable[[str], int], flush: Callable[[], None]) -> Callable[[EpochReport], None]:
    def note(report: EpochReport) -> None:
        write(json.dumps(vars(report)) + "\n")
        flush()

    return note


def main() -> None:
    """Read the command line, train, measure."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("data", type=Path, help="folder with the public collections")
    words.add_argument("--out", type=Path, required=True, help="folder for the bundle")
    words.add_argument("--minutes", type=float, default=34.0, help="length of the training")
    words.add_argument("--batch-size", type=int, default=16)
    words.add_argument("--learning-rate", type=float, default=6e-4, help="at its peak")
    words.add_argument(
        "--smaller", nargs="*", default=SMALLER, metavar="SHARE:PIXELS", help=f"sizes before {SIZE} px"
    )
    words.add_argument(
        "--unseen", choices=("patients", "source"), default="patients", help="what of Cohen's is held out"
    )
    words.add_argument("--continue-from", type=Path, help="bundle of a first part, to be trained further")
    words.add_argument("--measure-only", action="store_true", help="keep the weights, renew figures and card")
    wanted = words.parse_args()
    radiographs = gather(wanted.data, wanted.unseen)
    if not wanted.measure_only:
        spec = recipe(
            wanted.minutes,
            batch_size=wanted.batch_size,
            learning_rate=wanted.learning_rate,
            smaller=wanted.smaller,
        )
        if wanted.continue_from:
            spec = going_on(spec)
        learn(radiographs, wanted.out, spec, wanted.continue_from)
    from benchmarks import measure_default

    measure_default.measure(wanted.out, radiographs, wanted.continue_from)


if __name__ == "__main__":
    main()
