"""Five-fold cross-validation on DarkCovidNet, random as published and by patient.

python -m benchmarks.darkcovidnet DATA --out FILE
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.cross_validation import (
    BY_PATIENT,
    FOLDS,
    RANDOM,
    SEED,
    Experiment,
    FoldResult,
    run_missing_folds,
    stored_results,
    with_joined_patients,
)
from benchmarks.darkcovidnet_table import table
from benchmarks.seeds.trunk import FROM_TRUNK, fine_tuning_spec
from ml import importers
from ml.recipes import RECIPES, TrainingSpec, at_size, get_recipe
from ml.records import LabelledImage

TASKS: Final = {"3 classes": ("covid-19", "pneumonia", "normal"), "binary": ("covid-19", "normal")}
PROTOCOLS: Final = (BY_PATIENT, RANDOM)
EPOCHS: Final = 40  # of a training from random weights


def main() -> None:
    """Parse the arguments, run the missing folds and print the table."""
    arguments = _parser().parse_args()
    if not arguments.table_only:
        radiographs = darkcovidnet_radiographs(arguments.data)
        spec = _spec(arguments)
        if arguments.learning_rate:
            spec = replace(spec, learning_rate=arguments.learning_rate)
        for protocol in arguments.protocols:
            for task in arguments.tasks:
                experiment = Experiment(task, protocol, spec, arguments.start_from)
                of_task = [image for image in radiographs if image.label in TASKS[task]]
                run_missing_folds(arguments.out, of_task, experiment, first=arguments.folds)
    results: dict[tuple[str, str, str], list[FoldResult]] = defaultdict(list)
    for result in stored_results(arguments.out):
        results[result.task, result.protocol, result.recipe].append(result)
    print(table(results, TASKS))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with DarkCovidNet and Cohen's collection")
    parser.add_argument(
        "--out", type=Path, required=True, help="results, one line per fold; runs are resumed"
    )
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS)
    parser.add_argument("--protocols", nargs="*", default=list(PROTOCOLS), choices=PROTOCOLS)
    parser.add_argument("--preset", default="scratch-cnn", choices=[*RECIPES, FROM_TRUNK])
    parser.add_argument("--size", type=int, default=128, help="side of the input in pixels")
    parser.add_argument("--epochs", type=int, help="40, if not the recipe that starts from the trunk")
    parser.add_argument("--folds", type=int, default=FOLDS, help="how many of the five folds are run")
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument(
        "--start-from", type=Path, help="bundle to fine-tune; must not be trained on these radiographs"
    )
    parser.add_argument("--table-only", action="store_true", help="print the table of the stored results")
    return parser


def _spec(arguments: argparse.Namespace) -> TrainingSpec:
    if arguments.preset == FROM_TRUNK:
        spec = fine_tuning_spec()
        return replace(spec, epochs=arguments.epochs or spec.epochs, seed=SEED)
    return replace(
        at_size(get_recipe(arguments.preset, epochs=arguments.epochs or EPOCHS), arguments.size), seed=SEED
    )


def darkcovidnet_radiographs(folder: Path) -> tuple[LabelledImage, ...]:
    """Return DarkCovidNet with its patients; near-duplicates get a common patient."""
    options = importers.ReadOptions(cohen=folder / "covid-chestxray-dataset")
    return with_joined_patients(importers.read(folder / "darkcovidnet", options).radiographs)


if __name__ == "__main__":
    main()
