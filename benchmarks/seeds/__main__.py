"""Reproduces the five student systems and prints their table.

python -m benchmarks.seeds DATA --run FOLDER [--trunk-minutes 45] [--pictures FOLDER] [--folds 5]

The first call pre-trains the trunk; a later call runs what is missing.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from benchmarks.cross_validation import (
    BY_PATIENT,
    FOLDS,
    LEFT_OUT,
    Experiment,
    FoldResult,
    run_missing_folds,
    stored_results,
)
from benchmarks.seeds.collections import Collections
from benchmarks.seeds.pictures import write_heatmaps, write_pictures
from benchmarks.seeds.systems import SYSTEMS, TRUNK, System, spec_of
from benchmarks.seeds.table import PROTOCOLS, differences, table
from benchmarks.seeds.trunk import pretrain

RESULTS: Final = "folds.jsonl"
SELECTION: Final = "radiography.json"


def main() -> None:
    """Parse the arguments, pre-train the trunk, run the missing folds, draw the pictures, print the table."""
    arguments = _parser().parse_args()
    data, trunk = Collections(arguments.data, arguments.run / SELECTION), arguments.run / "trunk"
    if not (trunk / "manifest.json").exists() and not arguments.imagenet:
        pretrain(data, trunk, arguments.trunk_minutes)
    for system in SYSTEMS:
        if system.key in arguments.systems:
            _reproduce(system, data, trunk, arguments)
    print(table(stored_results(arguments.run / RESULTS)), differences(), sep="\n\n")


def _parser() -> argparse.ArgumentParser:
    keys = [system.key for system in SYSTEMS]
    networks = sorted({network for system in SYSTEMS for network in system.networks})
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public collections")
    parser.add_argument(
        "--run", type=Path, required=True, help="folder of the trunk and the results; resumed"
    )
    parser.add_argument("--systems", nargs="*", default=keys, choices=keys)
    parser.add_argument("--networks", nargs="*", default=networks, choices=networks)
    parser.add_argument("--folds", type=int, default=FOLDS, help="how many of the five folds are run")
    parser.add_argument("--trunk-minutes", type=float, default=45.0, help="duration of the pre-training")
    parser.add_argument(
        "--imagenet", type=Path, help="Keras weights file of VGG16, used instead of the trunk"
    )
    parser.add_argument("--pictures", type=Path, help="folder for curves, confusion matrices and heatmaps")
    return parser


def _reproduce(system: System, data: Collections, trunk: Path, arguments: argparse.Namespace) -> None:
    radiographs, left_out = system.radiographs(data), tuple(system.left_out(data))
    for network in filter(arguments.networks.__contains__, system.networks):
        spec = spec_of(network, arguments.imagenet)
        start_from = trunk if network in TRUNK and not arguments.imagenet else None
        name = network if network == system.key else f"{system.key}-{network}"
        of_all = arguments.run / "networks" / name  # the network trained on all radiographs of the system
        for protocol in PROTOCOLS:
            kept = of_all if protocol == LEFT_OUT else None
            experiment = Experiment(
                system.key, protocol, spec, start_from, arguments.imagenet, left_out, kept=kept
            )
            run_missing_folds(arguments.run / RESULTS, radiographs, experiment, first=arguments.folds)
        if arguments.pictures:
            write_pictures(arguments.pictures, name, _folds(arguments.run / RESULTS, system, network))
            write_heatmaps(arguments.pictures, name, of_all, arguments.data / "demo")


def _folds(results: Path, system: System, network: str) -> list[FoldResult]:
    key = (system.key, network, BY_PATIENT)
    return [
        fold
        for fold in stored_results(results)
        if (fold.task, fold.recipe.split(",")[0], fold.protocol) == key
    ]


if __name__ == "__main__":
    main()
