"""The trust report of the default bundle, and its card: `python -m benchmarks.trust_default DATA BUNDLE`."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

from benchmarks import default_card
from benchmarks.public_datasets import gather
from ml import importers
from ml.datasets.hashing import share_of
from ml.datasets.patient_split import Split
from ml.networks import bundle
from ml.records import LabelledImage
from ml.trust import run
from ml.trust.check import Check
from ml.trust.dataset_scan import Background
from ml.trust.report_files import JSON


def backgrounds(folder: Path) -> dict[Path, Background]:
    """Read what Cohen's table knows of its radiographs."""
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return {
            folder / "images" / row["filename"]: Background(
                view=row["view"], sex=row["sex"], age=row["age"], study=row["offset"]
            )
            for row in csv.DictReader(file)
        }


def some(radiographs: tuple[LabelledImage, ...], share: float) -> tuple[LabelledImage, ...]:
    """Take a share of the patients, always the same ones."""
    return tuple(
        radiograph for radiograph in radiographs if share_of(radiograph.patient, "trust report") < share
    )


def main() -> None:
    """Ask all checks of the radiographs learnt from and of the held-out ones; write report and card."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("data", type=Path, help="folder with the public collections")
    words.add_argument("bundle", type=Path, help="the trained and measured bundle")
    words.add_argument("--share", type=float, default=1.0, help="of the patients learnt from, for A and B")
    wanted = words.parse_args()
    radiographs = gather(wanted.data)
    classes = bundle.read_manifest(wanted.bundle).architecture.classes
    split = Split(
        some(radiographs.split.train, wanted.share),
        radiographs.split.validation,
        tuple(radiograph for radiograph in radiographs.held_out if radiograph.label in classes),
    )
    cohen = wanted.data / "covid-chestxray-dataset"
    given = run.Given(masks=importers.read(cohen).masks, background=backgrounds(cohen))
    findings = run.run_checks(wanted.bundle, split, given=given, on_check=_tell)
    run.write(findings, wanted.bundle)
    trust = json.loads((wanted.bundle / JSON).read_text(encoding="utf-8"))
    text = default_card.card(findings.manifest, trust=trust)
    (wanted.bundle / bundle.CARD).write_text(text, encoding="utf-8")


def _tell(check: Check) -> None:
    sys.stderr.write(f"{check.id:3} {check.status:12} {check.seconds:6.1f} s  {check.words}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
