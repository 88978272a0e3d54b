"""The importers of the local public collections agree with counts from independent sources."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from ml import importers
from ml.importers import LabelledCollection, ReadOptions

pytestmark = pytest.mark.realdata


def patients_with(collection: LabelledCollection, label: str) -> set[str]:
    return {radiograph.patient for radiograph in collection.radiographs if radiograph.label == label}


@pytest.fixture(scope="module")
def darkcovidnet(realdata: Path) -> LabelledCollection:
    return importers.read(realdata / "darkcovidnet", ReadOptions(cohen=realdata / "covid-chestxray-dataset"))


def test_darkcovidnet_has_the_patients_of_its_audit(darkcovidnet: LabelledCollection) -> None:
    # Counts of an audit of the published files, made before this code.
    assert Counter(radiograph.label for radiograph in darkcovidnet.radiographs) == {
        "covid-19": 124,
        "normal": 500,
        "pneumonia": 500,
    }
    assert len(patients_with(darkcovidnet, "covid-19")) == 82
    assert len(patients_with(darkcovidnet, "normal")) == 332
    assert len(patients_with(darkcovidnet, "pneumonia")) == 371
    both = patients_with(darkcovidnet, "normal") & patients_with(darkcovidnet, "pneumonia")
    assert len(both) == 21
    assert sum(radiograph.patient in both for radiograph in darkcovidnet.radiographs) == 74
    assert len({radiograph.patient for radiograph in darkcovidnet.radiographs}) == 764


def test_darkcovidnets_covid_patients_have_the_radiographs_of_its_audit(
    darkcovidnet: LabelledCollection,
) -> None:
    radiographs = Counter(
        radiograph.patient for radiograph in darkcovidnet.radiographs if radiograph.label == "covid-19"
    )

    assert Counter(radiographs.values()) == {1: 54, 2: 17, 3: 8, 4: 3}


def test_cohens_collection_has_the_radiographs_of_its_table(realdata: Path) -> None:
    folder = realdata / "covid-chestxray-dataset"
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    xrays = [row for row in rows if row["modality"] == "X-ray"]
    frontal = [row for row in xrays if row["view"] in ("PA", "AP", "AP Supine")]
    labelled = [row for row in frontal if row["finding"] != "todo"]
    covid = {row["filename"] for row in labelled if "COVID-19" in row["finding"]}

    collection = importers.read(folder)

    assert {radiograph.path.name for radiograph in collection.radiographs} == {
        row["filename"] for row in labelled
    }
    assert {
        radiograph.path.name for radiograph in collection.radiographs if radiograph.label == "covid-19"
    } == covid
    assert len(covid) == 427  # the audit: 531 images, 427 with COVID-19
    assert Counter(radiograph.label for radiograph in collection.radiographs)["normal"] == sum(
        row["finding"] == "No Finding" for row in labelled
    )
    assert collection.excluded_counts() == {
        "not-an-x-ray": len(rows) - len(xrays),
        "lateral": sum(row["view"] == "L" for row in xrays),
        "view-not-given": sum(row["view"] in ("", "?") for row in xrays),
        "finding-not-given": len(frontal) - len(labelled),
        "listed-twice": len(labelled) - len({row["filename"] for row in labelled}),
    }
    assert len(labelled) == 531


def test_all_of_cohens_x_rays_are_imported_with_all_views(realdata: Path) -> None:
    folder = realdata / "covid-chestxray-dataset"
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        names = {
            row["filename"]
            for row in csv.DictReader(file)
            if row["modality"] == "X-ray" and row["finding"] != "todo"
        }

    collection = importers.read(folder, ReadOptions(all_views=True))

    assert {radiograph.path.name for radiograph in collection.radiographs} == names


def test_cohens_masks_are_assigned_to_their_radiographs(realdata: Path) -> None:
    collection = importers.read(realdata / "covid-chestxray-dataset", ReadOptions(all_views=True))

    mask_names = {
        path.name for path in (realdata / "covid-chestxray-dataset/annotations/lungVAE-masks").iterdir()
    }
    assert {mask.name for mask in collection.masks.values()} <= mask_names
    assert all(mask.stem == f"{radiograph.stem}_mask" for radiograph, mask in collection.masks.items())
    assert len(collection.masks) > 0.9 * len(mask_names)


def test_the_local_part_of_the_radiography_database_is_complete(realdata: Path) -> None:
    folder = realdata / "COVID-19_Radiography_Dataset"

    collection = importers.read(folder)

    assert importers.recognise(folder).name == "radiography"
    assert Counter(radiograph.label for radiograph in collection.radiographs) == {
        "covid-19": 1800,
        "normal": 2600,
    }
    assert not collection.excluded


def test_the_originals_are_imported_from_their_table(realdata: Path) -> None:
    with (realdata / "originals" / "originals.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    collection = importers.read(realdata / "originals")

    assert len(collection.radiographs) + sum(collection.excluded_counts().values()) == len(rows) == 22


def test_the_folder_of_all_collections_is_refused(realdata: Path) -> None:
    with pytest.raises(importers.UnreadableCollection, match="each of them separately"):
        importers.recognise(realdata)
