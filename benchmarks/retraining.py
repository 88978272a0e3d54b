"""Retraining on cached features compared with the plain training loop.

python -m benchmarks.retraining DATA

Both train the same layers of the same network on the same radiographs of DarkCovidNet, in one process. The
time is that of the training, including graph tracing and the feature cache, without reading radiographs and
calibration. Wall-clock and processor time are printed; on a busy machine only the latter is comparable.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.collections_on_disk import darkcovidnet_radiographs
from ml.datasets.patient_split import Split
from ml.recipes import Stage, TrainingSpec, get_recipe
from ml.records import LabelledImage

DEFAULT: Final = Path(__file__).resolve().parents[1] / "ml" / "bundles" / "default"
STAGES: Final = {"head": "logits", "block5": "block5_conv1"}  # first trained layer
GOALS: Final = {"head": 15, "block5": 4}
HELD_OUT: Final = 4  # every fourth radiograph of a class


@dataclass(frozen=True)
class TrainingResult:
    """Duration of a training and the metrics on held-out radiographs."""

    seconds: float  # wall-clock time
    processor_seconds: float  # of all threads
    loss: float
    accuracy: float
    precision: str

    def __str__(self) -> str:
        return (
            f"{self.seconds:8.1f} s, {self.processor_seconds:8.1f} s of processor time, "
            f"loss {self.loss:.3f}, accuracy {self.accuracy:.3f}"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments and compare the two training loops."""
    options = _parser().parse_args(arguments)
    split = first_radiographs(options.data / "darkcovidnet", options.radiographs)
    spec = replace(
        get_recipe("vgg16-finetune", epochs=options.epochs),
        variants=options.variants,
        precision=options.precision,
        learning_rate=options.learning_rate,
        batch_size=16,
    )
    print(f"{len(split.train)} radiographs, {len(split.validation)} held out, {options.epochs} epochs")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    for stage in options.stages:
        compare(split, stage, spec, options.bundle)
    print(f"load {os.getloadavg()[0]:.1f}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with DarkCovidNet")
    parser.add_argument("--bundle", type=Path, default=DEFAULT, help="network to start from")
    parser.add_argument("--stages", nargs="*", choices=STAGES, default=list(STAGES), help="layers to train")
    parser.add_argument("--radiographs", type=int, default=32, help="per class, a quarter of them held out")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--variants", type=int, default=1, help="of each radiograph in the cache")
    parser.add_argument("--precision", choices=("auto", "float32", "mixed_bfloat16"), default="auto")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    return parser


def first_radiographs(folder: Path, per_class: int) -> Split:
    """Return the first radiographs of each class, a quarter of them held out, split by patient."""
    train: list[LabelledImage] = []
    held_out: list[LabelledImage] = []
    for _, of_class in groupby(darkcovidnet_radiographs(folder), key=lambda image: image.label):
        chosen = list(of_class)[:per_class]
        cut = len(chosen) - len(chosen) // HELD_OUT
        patients = {image.patient for image in chosen[:cut]}
        train += chosen[:cut]
        held_out += [image for image in chosen[cut:] if image.patient not in patients]
    return Split(tuple(train), tuple(held_out), ())


def compare(split: Split, stage: str, spec: TrainingSpec, start_from: Path) -> None:
    """Train one stage with both loops and print the ratio of the durations."""
    spec = replace(spec, stages=(Stage(1.0, STAGES[stage]),), keep="last")
    plain = train_once(split, replace(spec, variants=0), start_from)
    cached = train_once(split, spec, start_from)
    print(f"{stage}, {plain.precision}, {spec.variants} variant(s) of a radiograph")
    print(f"  plain    {plain}\n  cached   {cached}")
    print(
        f"  ratio    {plain.seconds / cached.seconds:.1f} in time, "
        f"{plain.processor_seconds / cached.processor_seconds:.1f} in processor time (goal: {GOALS[stage]})",
        flush=True,
    )


def train_once(split: Split, spec: TrainingSpec, start_from: Path) -> TrainingResult:
    """Train once and return duration and metrics of the last epoch."""
    from ml.training import trainer  # TensorFlow is imported only where it is needed

    times: list[tuple[float, float]] = []

    def record_time(_: object) -> None:
        times.append((time.perf_counter(), time.process_time()))

    with TemporaryDirectory() as folder:
        manifest = trainer.train(
            split, spec, start_from=start_from, out=Path(folder, "bundle"),
            on_epoch=record_time, should_stop=lambda: False, on_begin=record_time,
        )  # fmt: skip
    last = manifest.training["epochs"][-1]
    seconds, processor = (after - before for before, after in zip(times[0], times[-1], strict=True))
    return TrainingResult(
        seconds, processor, last["val_loss"], last["val_accuracy"], manifest.training["precision"]
    )


if __name__ == "__main__":
    main()
