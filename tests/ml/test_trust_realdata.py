"""DarkCovidNet's radiographs give the figures that guide sections 0, 2 and 4 publish for them.

The radiographs here are grey JPEGs of at most 512 pixels, made of the published ones: all of one mode and format,
so that the header probe has less to go by than on the originals, and thumbnails differ a little.
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
from ml.trust.dataset_scan import Background, DatasetScan, scan_dataset

pytestmark = pytest.mark.realdata

FOLDERS = {"Covid-19": "covid-19", "No_findings": "normal", "Pneumonia": "pneumonia"}
STRETCHED = Preprocessing(geometry="stretch")  # what the guide's first figures were measured with


@pytest.fixture(scope="module")
def radiographs(realdata: Path) -> list[LabelledImage]:
    """List the 1,124 radiographs: NIH names begin with the patient, Cohen's table names the others."""
    with (realdata / "covid-chestxray-dataset" / "metadata.csv").open(encoding="utf-8", newline="") as file:
        known = {Path(row["filename"]).stem: row["patientid"] for row in csv.DictReader(file)}
    found = []
    for folder, label in FOLDERS.items():
        for path in sorted((realdata / "darkcovidnet" / folder).glob("*.jpg")):
            nih = label != "covid-19"
            patient = f"nih-{path.stem.split('_')[0]}" if nih else f"cohen-{known.get(path.stem, path.stem)}"
            found.append(LabelledImage(path, label, patient, "nih" if nih else "cohen"))
    return found


@pytest.fixture(scope="module")
def seen(radiographs: list[LabelledImage]) -> DatasetScan:
    """Read them once; NIH's follow-up number tells studies of one patient apart."""
    visits = {f.path: Background(study=f.path.stem.split("_")[1]) for f in radiographs if f.source == "nih"}
    return scan_dataset(radiographs, STRETCHED, background=visits)


def test_every_radiograph_can_be_read(seen: DatasetScan) -> None:
    assert (len(seen.radiographs), seen.left_out) == (1124, ())


def test_label_and_source_are_the_same_variable(seen: DatasetScan) -> None:
    found = source_confounding.source_confounding(seen)
    assert found.value == pytest.approx(1.0)
    assert found.figures["mixed_source_share"] == 0
    assert (found.status, found.blocking) == ("FAIL", True)


def test_one_pair_of_radiographs_has_the_same_pixels(seen: DatasetScan) -> None:
    found = data_checks.exact_duplicates(seen)
    assert (found.status, found.value) == ("WARN", 1)
    assert found.examples == ("00002658_001.jpg = 00002658_002.jpg",)


def test_no_two_patients_look_like_one(seen: DatasetScan) -> None:
    """Among 628,000 pairs of different patients none is a copy, though turned radiographs are compared as well."""
    patients = [one.radiograph.patient for one in seen.radiographs]
    different = [p.distance for p in seen.pairs if patients[p.first] != patients[p.second]]
    assert min(different) > 50  # the guide's sample of 124,000 pairs begins at 62
    assert len(different) < 30


def test_twenty_one_patients_carry_both_labels_at_different_times(seen: DatasetScan) -> None:
    found = data_checks.label_conflict(seen)
    assert (found.status, found.figures["at_different_dates"]) == ("PASS", 21)
    undated = replace(
        seen, radiographs=tuple(replace(one, background=Background()) for one in seen.radiographs)
    )
    assert (data_checks.label_conflict(undated).status, data_checks.label_conflict(undated).value) == (
        "FAIL",
        21,
    )


def test_a_random_split_leaks_as_published_and_a_split_by_patient_does_not(
    radiographs: list[LabelledImage], seen: DatasetScan
) -> None:
    drawn = np.random.default_rng(1).random(len(radiographs)) < 0.2
    leaking = data_checks.patient_split(_parted(seen, ["test" if tested else "train" for tested in drawn]))
    published = (124 * 0.51 + 500 * 0.48 + 500 * 0.40) / 1124
    share = leaking.figures["share_of_test_radiographs_known_from_learning"]
    assert leaking.status == "FAIL"
    assert share == pytest.approx(published, abs=0.08)  # some 225 radiographs: two standard errors are 0.07

    split = split_by_patient(radiographs, seed=1)
    sound = _parted(seen, _parts_of(radiographs, split))
    assert data_checks.patient_split(sound).status == "PASS"
    assert data_checks.near_duplicates(sound).status in ("PASS", "WARN")


def test_the_files_alone_give_the_label_away(seen: DatasetScan) -> None:
    found = source_confounding.header_probe(seen)
    assert found.value == pytest.approx(1.0, abs=0.01)
    assert found.ci is not None
    assert found.ci[0] > 0.99
    assert found.status == "FAIL"


def test_the_border_alone_gives_the_label_away(seen: DatasetScan) -> None:
    found = shortcut_probes.border_probe(seen)
    assert found.value is not None
    assert 0.918 < found.value < 0.969  # the guide: 0.944 [0.918, 0.969]
    assert (found.status, found.blocking) == ("FAIL", True)


def test_lungs_are_not_needed(seen: DatasetScan) -> None:
    found = shortcut_probes.no_lung_ratio(seen)
    assert found.figures["auroc_whole"] == pytest.approx(0.976, abs=0.025)  # half of the interval above
    assert found.figures["auroc_centre_black"] == pytest.approx(0.946, abs=0.025)
    assert found.value == pytest.approx(0.94, abs=0.05)  # 0.025 of 0.476
    assert (found.status, found.blocking) == ("FAIL", True)


def test_shuffled_labels_tell_nothing(seen: DatasetScan) -> None:
    assert shortcut_probes.permuted_labels(seen).status == "PASS"


def test_a_thumbnail_does_what_darkcovidnet_published(seen: DatasetScan) -> None:
    found = shortcut_probes.trivial_baseline(
        seen, model_accuracy=0.730
    )  # the guide's network, parted by patient
    assert found.value == pytest.approx(0.784, abs=0.025)
    assert found.figures["accuracy_against_normal"] == pytest.approx(0.970, abs=0.015)
    assert found.status == "WARN"


def _parts_of(radiographs: list[LabelledImage], split: Split) -> list[str]:
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    place = {radiograph.path: name for name, part in parts.items() for radiograph in part}
    return [place[radiograph.path] for radiograph in radiographs]


def _parted(seen: DatasetScan, parts: list[str]) -> DatasetScan:
    radiographs = [replace(one, part=part) for one, part in zip(seen.radiographs, parts, strict=True)]
    return replace(seen, radiographs=tuple(radiographs))
