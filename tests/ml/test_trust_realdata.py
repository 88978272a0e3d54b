"""The checks of DarkCovidNet agree with an independent audit of the collection.

The audit was made before this code, on the published files. The radiographs here are grey JPEGs of at most
512 pixels made from them, all of one mode and format: the header probe has fewer features, thumbnails differ.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.datasets.patient_split import Split, split_by_patient
from ml.records import LabelledImage, Preprocessing
from ml.trust import data_checks, shortcut_probes, source_confounding
from ml.trust.dataset_scan import DatasetScan, RadiographMetadata, scan_dataset

pytestmark = pytest.mark.realdata

FOLDERS = {"Covid-19": "covid-19", "No_findings": "normal", "Pneumonia": "pneumonia"}
STRETCHED = Preprocessing(geometry="stretch")  # as in the audit


@pytest.fixture(scope="module")
def radiographs(realdata: Path) -> list[LabelledImage]:
    """Return the 1,124 radiographs; patients come from NIH file names and from Cohen's table."""
    with (realdata / "covid-chestxray-dataset" / "metadata.csv").open(encoding="utf-8", newline="") as file:
        known = {Path(row["filename"]).stem: row["patientid"] for row in csv.DictReader(file)}
    radiographs = []
    for folder, label in FOLDERS.items():
        for path in sorted((realdata / "darkcovidnet" / folder).glob("*.jpg")):
            nih = label != "covid-19"
            patient = f"nih-{path.stem.split('_')[0]}" if nih else f"cohen-{known.get(path.stem, path.stem)}"
            radiographs.append(LabelledImage(path, label, patient, "nih" if nih else "cohen"))
    return radiographs


@pytest.fixture(scope="module")
def scan(radiographs: list[LabelledImage]) -> DatasetScan:
    """Scan them once; NIH's follow-up number is the study of a patient."""
    visits = {
        f.path: RadiographMetadata(study=f.path.stem.split("_")[1]) for f in radiographs if f.source == "nih"
    }
    return scan_dataset(radiographs, STRETCHED, metadata=visits)


def test_every_radiograph_is_readable(scan: DatasetScan) -> None:
    assert (len(scan.radiographs), scan.excluded) == (1124, ())


def test_label_and_source_are_completely_associated(scan: DatasetScan) -> None:
    result = source_confounding.source_confounding(scan)
    assert result.value == pytest.approx(1.0)
    assert result.metrics["mixed_source_share"] == 0
    assert (result.status, result.spec.blocking) == ("FAIL", True)


def test_one_pair_of_radiographs_has_the_same_pixels(scan: DatasetScan) -> None:
    result = data_checks.exact_duplicates(scan)
    assert (result.status, result.value) == ("WARN", 1)
    assert result.examples == ("00002658_001.jpg = 00002658_002.jpg",)


def test_no_two_patients_share_a_near_duplicate(scan: DatasetScan) -> None:
    """Among 628,000 pairs of different patients, also rotated, none is a near-duplicate."""
    patients = [image.radiograph.patient for image in scan.radiographs]
    different = [p.distance for p in scan.pairs if patients[p.first] != patients[p.second]]
    assert min(different) > 50  # the minimum of the audit's sample of 124,000 pairs is 62
    assert len(different) < 30


def test_twenty_one_patients_have_both_labels_at_different_dates(scan: DatasetScan) -> None:
    result = data_checks.label_conflicts(scan)
    assert (result.status, result.metrics["at_different_dates"]) == ("PASS", 21)
    undated = replace(
        scan, radiographs=tuple(replace(image, metadata=RadiographMetadata()) for image in scan.radiographs)
    )
    assert (data_checks.label_conflicts(undated).status, data_checks.label_conflicts(undated).value) == (
        "FAIL",
        21,
    )


def test_a_random_split_leaks_as_published_and_a_split_by_patient_does_not(
    radiographs: list[LabelledImage], scan: DatasetScan
) -> None:
    drawn = np.random.default_rng(1).random(len(radiographs)) < 0.2
    leaking = data_checks.patient_split(
        _with_parts(scan, ["test" if tested else "train" for tested in drawn])
    )
    published = (124 * 0.51 + 500 * 0.48 + 500 * 0.40) / 1124
    share = leaking.metrics["share_of_test_radiographs_with_training_patient"]
    assert leaking.status == "FAIL"
    assert share == pytest.approx(published, abs=0.08)  # some 225 radiographs: two standard errors are 0.07

    split = split_by_patient(radiographs, seed=1)
    sound = _with_parts(scan, _parts_of(radiographs, split))
    assert data_checks.patient_split(sound).status == "PASS"
    assert data_checks.near_duplicates(sound).status in ("PASS", "WARN")


def test_the_header_probe_predicts_the_label(scan: DatasetScan) -> None:
    result = source_confounding.header_probe(scan)
    assert result.value == pytest.approx(1.0, abs=0.01)
    assert result.ci is not None
    assert result.ci[0] > 0.99
    assert result.status == "FAIL"


def test_the_border_probe_predicts_the_label(scan: DatasetScan) -> None:
    result = shortcut_probes.border_probe(scan)
    assert result.value is not None
    assert 0.918 < result.value < 0.969  # the audit: 0.944 [0.918, 0.969]
    assert (result.status, result.spec.blocking) == ("FAIL", True)


def test_a_thumbnail_with_masked_lungs_predicts_the_label(scan: DatasetScan) -> None:
    result = shortcut_probes.no_lung_ratio(scan)
    assert result.metrics["auroc_full"] == pytest.approx(0.976, abs=0.025)  # half of the interval above
    assert result.metrics["auroc_lungs_masked"] == pytest.approx(0.946, abs=0.025)
    assert result.value == pytest.approx(0.94, abs=0.05)  # 0.025 of 0.476
    assert (result.status, result.spec.blocking) == ("FAIL", True)


def test_permuted_labels_are_predicted_at_chance_level(scan: DatasetScan) -> None:
    assert shortcut_probes.permuted_labels(scan).status == "PASS"


def test_the_thumbnail_baseline_reaches_the_published_accuracy(scan: DatasetScan) -> None:
    # 0.730 is the accuracy of the audited network with a split by patient.
    result = shortcut_probes.thumbnail_baseline(scan, model_accuracy=0.730)
    assert result.value == pytest.approx(0.784, abs=0.025)
    assert result.metrics["accuracy_against_normal"] == pytest.approx(0.970, abs=0.015)
    assert result.status == "WARN"


def _parts_of(radiographs: list[LabelledImage], split: Split) -> list[str]:
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    part_of = {radiograph.path: name for name, part in parts.items() for radiograph in part}
    return [part_of[radiograph.path] for radiograph in radiographs]


def _with_parts(scan: DatasetScan, parts: list[str]) -> DatasetScan:
    images = [replace(image, part=part) for image, part in zip(scan.radiographs, parts, strict=True)]
    return replace(scan, radiographs=tuple(images))
