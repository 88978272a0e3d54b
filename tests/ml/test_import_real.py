"""The public collections as they lie here, against counts that other means have found."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from ml import importers
from ml.importers import Imported, Options

pytestmark = pytest.mark.realdata


def who(found: Imported, label: str) -> set[str]:
    return {radiograph.patient for radiograph in found.radiographs if radiograph.label == label}


@pytest.fixture(scope="module")
def darkcovidnet(realdata: Path) -> Imported:
    return importers.read(realdata / "darkcovidnet", Options(cohen=realdata / "covid-chestxray-dataset"))


def test_darkcovidnet_has_the_patients_that_its_audit_found(darkcovidnet: Imported) -> None:
    # guide/trust.md, section 2: an audit made before this code was written
    assert Counter(radiograph.label for radiograph in darkcovidnet.radiographs) == {
        "covid-19": 124,
        "normal": 500,
        "pneumonia": 500,
    }
    assert len(who(darkcovidnet, "covid-19")) == 82
    assert len(who(darkcovidnet, "normal")) == 332
    assert len(who(darkcovidnet, "pneumonia")) == 371
    both = who(darkcovidnet, "normal") & who(darkcovidnet, "pneumonia")
    assert len(both) == 21
    assert sum(radiograph.patient in both for radiograph in darkcovidnet.radiographs) == 74
    assert len({radiograph.patient for radiograph in darkcovidnet.radiographs}) == 764


def test_darkcovidnets_covid_patients_have_as_many_radiographs_as_its_audit_found(
    darkcovidnet: Imported,
) -> None:
    radiographs = Counter(
        radiograph.patient for radiograph in darkcovidnet.radiographs if radiograph.label == "covid-19"
    )

    assert Counter(radiographs.values()) == {1: 54, 2: 17, 3: 8, 4: 3}


def test_cohens_collection_has_the_radiographs_that_its_table_lists(realdata: Path) -> None:
    folder = realdata / "covid-chestxray-dataset"
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    xrays = [row for row in rows if row["modality"] == "X-ray"]
    frontal = [row for row in xrays if row["view"] in ("PA", "AP", "AP Supine")]
    told = [row for row in frontal if row["finding"] != "todo"]
    covid = {row["filename"] for row in told if "COVID-19" in row["finding"]}

    found = importers.read(folder)

    assert {radiograph.path.name for radiograph in found.radiographs} == {row["filename"] for row in told}
    assert {
        radiograph.path.name for radiograph in found.radiographs if radiograph.label == "covid-19"
    } == covid
    assert len(covid) == 427  # guide/trust.md, section 2: 531 images, 427 COVID
    assert Counter(radiograph.label for radiograph in found.radiographs)["normal"] == sum(
        row["finding"] == "No Finding" for row in told
    )
    assert found.counts() == {
        "not-an-x-ray": len(rows) - len(xrays),
        "lateral": sum(row["view"] == "L" for row in xrays),
        "view-not-given": sum(row["view"] in ("", "?") for row in xrays),
        "finding-not-given": len(frontal) - len(told),
        "listed-twice": len(told) - len({row["filename"] for row in told}),
    }
    assert len(told) == 531


def test_all_of_cohens_x_rays_come_with_all_views(realdata: Path) -> None:
    folder = realdata / "covid-chestxray-dataset"
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        names = {
            row["filename"]
            for row in csv.DictReader(file)
            if row["modality"] == "X-ray" and row["finding"] != "todo"
        }

    found = importers.read(folder, Options(all_views=True))

    assert {radiograph.path.name for radiograph in found.radiographs} == names


def test_cohens_masks_belong_to_their_radiographs(realdata: Path) -> None:
    found = importers.read(realdata / "covid-chestxray-dataset", Options(all_views=True))

    there = {path.name for path in (realdata / "covid-chestxray-dataset/annotations/lungVAE-masks").iterdir()}
    assert {mask.name for mask in found.masks.values()} <= there
    assert all(mask.stem == f"{radiograph.stem}_mask" for radiograph, mask in found.masks.items())
    assert len(found.masks) > 0.9 * len(there)


def test_the_radiography_databases_share_is_whole(realdata: Path) -> None:
    folder = realdata / "COVID-19_Radiography_Dataset"

    found = importers.read(folder)

    assert importers.recognise(folder).name == "radiography"
    assert Counter(radiograph.label for radiograph in found.radiographs) == {"covid-19": 1800, "normal": 2600}
    assert not found.left_out


def test_the_originals_come_by_their_table(realdata: Path) -> None:
    with (realdata / "originals" / "originals.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    found = importers.read(realdata / "originals")

    assert len(found.radiographs) + sum(found.counts().values()) == len(rows) == 22


def test_the_folder_of_all_collections_is_not_taken_for_one(realdata: Path) -> None:
    with pytest.raises(importers.UnreadableCollection, match="each by itself"):
        importers.recognise(realdata)
