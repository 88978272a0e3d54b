"""Seconds of the trust report beside those of the training whose network it checks.

python -m benchmarks.trust_report DATA [--radiographs 140]

A run of the product with the default recipe on radiographs of the Radiography Database: split, training with
calibration, trust report. Both are timed in one process and printed with their ratio and the slowest checks.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.collections_on_disk import radiography_radiographs
from ml.datasets.hashing import hash_fraction
from ml.datasets.patient_split import Split, split_by_patient
from ml.recipes import get_recipe
from ml.trust.report import CheckProgress

DEFAULT: Final = Path(__file__).resolve().parents[1] / "ml" / "bundles" / "default"
SEED: Final = 20260101
SLOWEST: Final = 6  # checks that are printed


def main() -> None:
    """Parse the arguments, train, write the trust report, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the Radiography Database")
    parser.add_argument("--bundle", type=Path, default=DEFAULT, help="network to start from")
    parser.add_argument("--radiographs", type=int, default=140)
    arguments = parser.parse_args()
    split = _split(arguments.data / "COVID-19_Radiography_Dataset", arguments.radiographs)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"{len(split.train)} / {len(split.validation)} / {len(split.test)} radiographs")
    with TemporaryDirectory() as folder:
        directory = Path(folder, "bundle")
        training = _train(split, directory, arguments.bundle)
        report, checks = _write_report(split, directory)
    print(f"| training | {training:.1f} s |\n| trust report | {report:.1f} s |")
    print(f"| trust report over training | {report / training:.2f} |")
    for each in sorted(checks, key=lambda progress: -progress.check.seconds)[:SLOWEST]:
        print(f"| check {each.check.spec.id} {each.check.spec.name} | {each.check.seconds:.1f} s |")


def _split(folder: Path, count: int) -> Split:
    by_hash = sorted(
        radiography_radiographs(folder), key=lambda image: hash_fraction(image.path.name, "trust report")
    )
    return split_by_patient(by_hash[:count], seed=SEED)


def _train(split: Split, directory: Path, start_from: Path) -> float:
    from ml.training import trainer  # TensorFlow is imported only where it is needed

    started = time.perf_counter()
    trainer.train(
        split, get_recipe("vgg16-finetune"), start_from=start_from, out=directory,
        on_epoch=lambda _epoch: None, should_stop=lambda: False,
    )  # fmt: skip
    return time.perf_counter() - started


def _write_report(split: Split, directory: Path) -> tuple[float, list[CheckProgress]]:
    from ml.trust import run

    checks: list[CheckProgress] = []
    started = time.perf_counter()
    run.write(run.run_checks(directory, split, on_check=checks.append), directory)
    return time.perf_counter() - started, checks


if __name__ == "__main__":
    main()
