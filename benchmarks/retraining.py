"""Retraining on cached features against the naive loop: `python -m benchmarks.retraining DATA`.

Both learn the same layers of the same network from the same films of darkcovidnet, in one process. The time
is that of learning alone, with tracing and the making of the cache, without reading films and calibration.
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

from benchmarks.public_films import ozturk_films
from ml.dataset import Split
from ml.presets import Stage, TrainingSpec, preset
from ml.records import LabelledFilm

DEFAULT: Final = Path(__file__).resolve().parents[1] / "ml" / "bundles" / "default"
STAGES: Final = {"head": "logits", "block5": "block5_conv1"}
GOALS: Final = {"head": 15, "block5": 4}
HELD_OUT: Final = 4  # every fourth film of a class


@dataclass(frozen=True)
class Outcome:
    """How long a way of learning took, and what the network was worth on films held out."""

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


def films_of(folder: Path, per_class: int) -> Split:
    """Take the first films of each class, a quarter of them held out; no patient is on both sides."""
    learnt: list[LabelledFilm] = []
    held_out: list[LabelledFilm] = []
    for _, some in groupby(ozturk_films(folder), key=lambda film: film.label):
        chosen = list(some)[:per_class]
        cut = len(chosen) - len(chosen) // HELD_OUT
        shown = {film.patient for film in chosen[:cut]}
        learnt += chosen[:cut]
        held_out += [film for film in chosen[cut:] if film.patient not in shown]
    return Split(tuple(learnt), tuple(held_out), ())


def learn(films: Split, spec: TrainingSpec, start_from: Path) -> Outcome:
    """Train once and return what it came to at its last epoch."""
    from ml import trainer  # TensorFlow, only where it is needed

    marks: list[tuple[float, float]] = []

    def mark(_: object) -> None:
        marks.append((time.perf_counter(), time.process_time()))

    with TemporaryDirectory() as folder:
        manifest = trainer.train(
            films, spec, start_from=start_from, out=Path(folder, "bundle"),
            on_epoch=mark, should_stop=lambda: False, on_begin=mark,
        )  # fmt: skip
    last = manifest.training["epochs"][-1]
    seconds, work = (after - before for before, after in zip(marks[0], marks[-1], strict=True))
    return Outcome(seconds, work, last["val_loss"], last["val_accuracy"], manifest.training["precision"])


def compare(films: Split, what: str, spec: TrainingSpec, start_from: Path) -> None:
    """Learn one part of the network in both ways and print the ratio."""
    spec = replace(spec, stages=(Stage(1.0, STAGES[what]),), keep="last")
    naive = learn(films, replace(spec, variants=0), start_from)
    cached = learn(films, spec, start_from)
    print(f"{what}, {naive.precision}, {spec.variants} variant(s) of a film")
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
    words.add_argument("--films", type=int, default=32, help="of each class, a quarter of them held out")
    words.add_argument("--epochs", type=int, default=20)
    words.add_argument("--variants", type=int, default=1, help="of each film in the cache")
    words.add_argument("--precision", choices=("auto", "float32", "mixed_bfloat16"), default="auto")
    words.add_argument("--learning-rate", type=float, default=3e-4)
    wanted = words.parse_args(arguments)
    films = films_of(wanted.data / "darkcovidnet", wanted.films)
    spec = replace(
        preset("vgg16-finetune", epochs=wanted.epochs),
        variants=wanted.variants,
        precision=wanted.precision,
        learning_rate=wanted.learning_rate,
        batch_size=16,
    )
    print(f"{len(films.train)} films, {len(films.validation)} held out, {wanted.epochs} epochs")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    for what in wanted.what:
        compare(films, what, spec, wanted.bundle)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
