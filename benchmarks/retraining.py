"""Retraining on cached features against the naive loop: `python -m benchmarks.retraining DATA`.

Both learn the same layers of the same network from the same radiographs of darkcovidnet, in one process. The time
is that of learning alone, with tracing and the making of the cache, without reading radiographs and calibration.
The processor's time is told beside the clock's: on a busy machine it alone compares.
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

from benchmarks.public_datasets import ozturk_radiographs
from ml.datasets.patient_split import Split
from ml.recipes import Stage, TrainingSpec, get_recipe
from ml.records import LabelledImage

DEFAULT: Final = Path(__file__).resolve().parents[1] / "ml" / "bundles" / "default"
STAGES: Final = {"head": "logits", "block5": "block5_conv1"}
GOALS: Final = {"head": 15, "block5": 4}
HELD_OUT: Final = 4  # every fourth radiograph of a class


@dataclass(frozen=True)
class Outcome:
    """How long a way of learning took, and what the network was worth on radiographs held out."""

    seconds: float  # by the clock
    work: float  # seconds of processor time, of all threads
    loss: float
    accuracy: float
    precision: str

    def __str__(self) -> str:
        return (
            f"{self.seconds:8.1f} s, {self.work:8.1f} s of processor time, "
            f"loss {self.loss:.3f}, accuracy {self.accuracy:.3f}"
        )


def radiographs_of(folder: Path, per_class: int) -> Split:
    """Take the first radiographs of each class, a quarter of them held out; no patient is on both sides."""
    learnt: list[LabelledImage] = []
    held_out: list[LabelledImage] = []
    for _, some in groupby(ozturk_radiographs(folder), key=lambda radiograph: radiograph.label):
        chosen = list(some)[:per_class]
        cut = len(chosen) - len(chosen) // HELD_OUT
        shown = {radiograph.patient for radiograph in chosen[:cut]}
        learnt += chosen[:cut]
        held_out += [radiograph for radiograph in chosen[cut:] if radiograph.patient not in shown]
    return Split(tuple(learnt), tuple(held_out), ())


def learn(radiographs: Split, spec: TrainingSpec, start_from: Path) -> Outcome:
    """Train once and return what it came to at its last epoch."""
    from ml.training import trainer  # TensorFlow, only where it is needed

    marks: list[tuple[float, float]] = []

    def mark(_: object) -> None:
        marks.append((time.perf_counter(), time.process_time()))

    with TemporaryDirectory() as folder:
        manifest = trainer.train(
            radiographs, spec, start_from=start_from, out=Path(folder, "bundle"),
            on_epoch=mark, should_stop=lambda: False, on_begin=mark,
        )  # fmt: skip
    last = manifest.training["epochs"][-1]
    seconds, work = (after - before for before, after in zip(marks[0], marks[-1], strict=True))
    return Outcome(seconds, work, last["val_loss"], last["val_accuracy"], manifest.training["precision"])


def compare(radiographs: Split, what: str, spec: TrainingSpec, start_from: Path) -> None:
    """Learn one part of the network in both ways and print the ratio."""
    spec = replace(spec, stages=(Stage(1.0, STAGES[what]),), keep="last")
    naive = learn(radiographs, replace(spec, variants=0), start_from)
    cached = learn(radiographs, spec, start_from)
    print(f"{what}, {naive.precision}, {spec.variants} variant(s) of a radiograph")
    print(f"  naive    {naive}\n  cached   {cached}")
    print(
        f"  ratio    {naive.seconds / cached.seconds:.1f} times faster, "
        f"{naive.work / cached.work:.1f} times less work (goal: {GOALS[what]})",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and compare."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("data", type=Path, help="folder with darkcovidnet")
    words.add_argument("--bundle", type=Path, default=DEFAULT, help="network to start from")
    words.add_argument("--what", nargs="*", choices=STAGES, default=list(STAGES), help="what learns")
    words.add_argument(
        "--radiographs", type=int, default=32, help="of each class, a quarter of them held out"
    )
    words.add_argument("--epochs", type=int, default=20)
    words.add_argument("--variants", type=int, default=1, help="of each radiograph in the cache")
    words.add_argument("--precision", choices=("auto", "float32", "mixed_bfloat16"), default="auto")
    words.add_argument("--learning-rate", type=float, default=3e-4)
    wanted = words.parse_args(arguments)
    radiographs = radiographs_of(wanted.data / "darkcovidnet", wanted.radiographs)
    spec = replace(
        get_recipe("vgg16-finetune", epochs=wanted.epochs),
        variants=wanted.variants,
        precision=wanted.precision,
        learning_rate=wanted.learning_rate,
        batch_size=16,
    )
    print(
        f"{len(radiographs.train)} radiographs, {len(radiographs.validation)} held out, {wanted.epochs} epochs"
    )
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    for what in wanted.what:
        compare(radiographs, what, spec, wanted.bundle)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
