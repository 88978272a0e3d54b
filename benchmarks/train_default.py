"""Training of the default bundle on public radiographs.

python -m benchmarks.train_default DATA --out DIR
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.public_datasets import PublicDatasets, collect
from ml.recipes import TrainingSpec, at_size, get_recipe
from ml.records import EpochReport

SIZE: Final = 128  # of the last stage of the training, in pixels
SMALLER: Final = ("0.5:64", "0.85:96")  # 64 px for the first half of the time, then 96 px
STEPS_PER_EPOCH: Final = 100
STOP: Final = "stop"  # a file with this name in the output folder ends the training early


def main() -> None:
    """Parse the arguments, train and evaluate."""
    arguments = _parser().parse_args()
    datasets = collect(arguments.data, arguments.held_out)
    if not arguments.evaluate_only:
        spec = training_spec(
            arguments.minutes,
            batch_size=arguments.batch_size,
            learning_rate=arguments.learning_rate,
            smaller=arguments.smaller,
        )
        if arguments.continue_from:
            spec = continued(spec)
        train(datasets, arguments.out, spec, arguments.continue_from)
    from benchmarks import evaluate_default

    evaluate_default.evaluate(arguments.out, datasets, arguments.continue_from)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public collections")
    parser.add_argument("--out", type=Path, required=True, help="folder for the bundle")
    parser.add_argument("--minutes", type=float, default=34.0, help="duration of the training")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=6e-4, help="maximum of the schedule")
    parser.add_argument(
        "--smaller", nargs="*", default=SMALLER, metavar="SHARE:PIXELS", help=f"sizes before {SIZE} px"
    )
    parser.add_argument(
        "--held-out", choices=("patients", "source"), default="patients", help="unit held out of Cohen's"
    )
    parser.add_argument("--continue-from", type=Path, help="bundle of a first stage, to be trained further")
    parser.add_argument("--evaluate-only", action="store_true", help="renew metrics and card only")
    return parser


def training_spec(
    minutes: float, *, batch_size: int, learning_rate: float, smaller: Sequence[str]
) -> TrainingSpec:
    """Return the recipe: VGG16 with batch normalisation from scratch, with growing image sizes."""
    stages = (stage.split(":") for stage in smaller)
    return replace(
        at_size(get_recipe("vgg16-scratch"), SIZE),
        preset="vgg16-default",
        minutes=minutes,
        steps_per_epoch=STEPS_PER_EPOCH,
        batch_size=batch_size,
        learning_rate=learning_rate,
        sizes=tuple((float(until), int(size)) for until, size in stages),
        keep="last",
    )


def continued(spec: TrainingSpec) -> TrainingSpec:
    """Return the recipe of a second stage: it starts from the first's weights and has another seed."""
    return replace(spec, fine_tune=True, seed=spec.seed + 1)


def train(datasets: PublicDatasets, out: Path, spec: TrainingSpec, start_from: Path | None) -> None:
    """Train into `out` and write one line per epoch to `out`/epochs.jsonl."""
    from ml.training import trainer  # TensorFlow is imported only where it is needed

    out.mkdir(parents=True, exist_ok=True)
    with (out / "epochs.jsonl").open("w", encoding="utf-8") as log:
        trainer.train(
            datasets.split, spec, start_from=start_from, out=out, on_epoch=_writer(log.write, log.flush),
            should_stop=(out / STOP).exists,
        )  # fmt: skip


def _writer(write: Callable[[str], int], flush: Callable[[], None]) -> Callable[[EpochReport], None]:
    def write_epoch(report: EpochReport) -> None:
        write(json.dumps(vars(report)) + "\n")
        flush()

    return write_epoch


if __name__ == "__main__":
    main()
