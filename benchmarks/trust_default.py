"""Trust report and model card of the default bundle.

python -m benchmarks.trust_default DATA BUNDLE --run FOLDER
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from benchmarks import default_card
from benchmarks.default_network.radiographs import calibration_part, datasets
from ml import importers
from ml.datasets.hashing import hash_fraction
from ml.datasets.patient_split import Split
from ml.networks import bundle
from ml.records import LabelledImage
from ml.trust import run as trust
from ml.trust.command import print_progress
from ml.trust.dataset_scan import RadiographMetadata
from ml.trust.report_files import JSON


def main() -> None:
    """Run all checks on the training and the held-out radiographs; write the report and the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public collections")
    parser.add_argument("bundle", type=Path, help="the trained and evaluated bundle")
    parser.add_argument("--run", type=Path, required=True, help="folder of the long training")
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the training patients, for checks A and B"
    )
    arguments = parser.parse_args()
    collected = datasets(arguments.data, arguments.run)
    classes = bundle.read_manifest(arguments.bundle).architecture.classes
    split = Split(
        _share_of_patients(collected.split.train, arguments.share),
        calibration_part(collected.split.validation),
        tuple(image for image in collected.held_out if image.label in classes),
    )
    cohen = arguments.data / "covid-chestxray-dataset"
    data = trust.SupplementaryData(masks=importers.read(cohen).masks, metadata=_metadata(cohen))
    findings = trust.run_checks(arguments.bundle, split, supplementary=data, on_check=print_progress)
    trust.write(findings, arguments.bundle)
    report = json.loads((arguments.bundle / JSON).read_text(encoding="utf-8"))
    text = default_card.card(findings.manifest, trust_report=report)
    (arguments.bundle / bundle.CARD).write_text(text, encoding="utf-8")


def _metadata(folder: Path) -> dict[Path, RadiographMetadata]:
    """Return the metadata in Cohen's table."""
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return {
            folder / "images" / row["filename"]: RadiographMetadata(
                view=row["view"], sex=row["sex"], age=row["age"], study=row["offset"]
            )
            for row in csv.DictReader(file)
        }


def _share_of_patients(radiographs: tuple[LabelledImage, ...], share: float) -> tuple[LabelledImage, ...]:
    """Return the radiographs of a fixed share of the patients."""
    return tuple(image for image in radiographs if hash_fraction(image.patient, "trust report") < share)


if __name__ == "__main__":
    main()
