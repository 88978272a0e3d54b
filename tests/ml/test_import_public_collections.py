"""Public collections are recognised by their layout; excluded radiographs are counted by reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml import importers
from ml.importers import ReadOptions, Reason, UnreadableCollection
from ml.importers.labels import finding_of
from tests.ml.collection_layouts import COHENS_TABLE, labels, patients, write_cohen_collection, write_files


@pytest.fixture
def cohen(tmp_path: Path) -> Path:
    return write_cohen_collection(tmp_path / "cohen")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("COVID-19", "covid-19"),
        ("covid_19", "covid-19"),
        ("COVID-19, ARDS", "covid-19"),
        ("Pneumonia/Viral/COVID-19", "covid-19"),
        ("Pneumonia/Bacterial/Streptococcus", "pneumonia"),
        ("Viral Pneumonia", "pneumonia"),
        ("No_findings", "normal"),
        ("Lung_Opacity", "other"),
        ("Effusion|Mass", "other"),
        ("todo", Reason.FINDING_NOT_GIVEN),
        ("", Reason.FINDING_NOT_GIVEN),
        ("non-COVID", Reason.FINDING_NOT_KNOWN),
        ("COVID-19/ruled out", Reason.FINDING_NOT_KNOWN),
        ("Normal, COVID-19", Reason.FINDING_NOT_KNOWN),
    ],
)
def test_only_known_texts_are_mapped_to_findings(text: str, finding: str | Reason) -> None:
    assert finding_of(text) == finding


def test_cohens_table_gives_findings_patients_and_views(cohen: Path) -> None:
    collection = importers.read(cohen)

    assert importers.recognise(cohen).name == "cohen"
    assert labels(collection) == {
        "first-day1.png": "covid-19",
        "first-day4.png": "covid-19",
        "second.png": "covid-19",
        "third.png": "pneumonia",
        "fourth.png": "normal",
        "fifth.png": "other",
        "shared.png": "pneumonia",
        "thirteenth.png": "pneumonia",
    }
    assert {radiograph.path.name: radiograph.view for radiograph in collection.radiographs}[
        "first-day4.png"
    ] == "AP Supine"
    assert {radiograph.source for radiograph in collection.radiographs} == {"cohen"}
    assert "CC BY 4.0: 2" in collection.provenance.licence


def test_excluded_rows_of_cohens_table_are_counted_by_reason_with_examples(cohen: Path) -> None:
    collection = importers.read(cohen)

    assert collection.excluded_counts() == {
        "lateral": 1,
        "finding-not-given": 1,
        "finding-not-known": 1,
        "view-not-given": 1,
        "not-an-x-ray": 1,
        "file-missing": 1,
        "outside": 1,
        "listed-twice": 1,
    }
    assert collection.excluded[Reason.FINDING_NOT_KNOWN].details == {"Unicorn": 1}
    assert collection.excluded[Reason.FILE_MISSING].examples == ("nowhere.png",)
    assert (
        len(collection.radiographs) + sum(collection.excluded_counts().values())
        == len(COHENS_TABLE.splitlines()) - 1
    )


def test_two_patient_numbers_that_share_a_radiograph_are_one_patient(cohen: Path) -> None:
    patient_of = patients(importers.read(cohen))

    assert patient_of["shared.png"] == patient_of["thirteenth.png"] == "cohen-12"
    assert patient_of["first-day1.png"] == patient_of["first-day4.png"] == "cohen-1"


def test_lateral_and_unknown_views_are_imported_with_the_option_all_views(cohen: Path) -> None:
    collection = importers.read(cohen, ReadOptions(all_views=True))

    assert {"first-lateral.png", "eighth.png"} <= labels(collection).keys()
    assert "ninth.png" not in labels(collection)  # a CT section is excluded with any option


def test_cohens_masks_are_assigned_to_their_radiographs(cohen: Path) -> None:
    write_files(cohen, "annotations/lungVAE-masks/second_mask.png")

    masks = importers.read(cohen).masks

    assert {radiograph.name: mask.name for radiograph, mask in masks.items()} == {
        "second.png": "second_mask.png"
    }


def test_a_radiograph_with_two_findings_is_excluded_with_its_mask(cohen: Path) -> None:
    write_files(cohen, "annotations/lungVAE-masks/second_mask.png")
    with (cohen / "metadata.csv").open("a") as table:
        table.write("2,,F,,No Finding,AP,X-ray,images,second.png,\n")

    collection = importers.read(cohen)

    assert "second.png" not in labels(collection)
    assert not collection.masks
    assert collection.excluded_counts()["two-findings"] == 2


def test_darkcovidnet_takes_nih_patients_from_file_names(tmp_path: Path) -> None:
    folder = write_files(
        tmp_path / "collection",
        "Covid-19/first-day1.png",
        "No_findings/00000061_012.png",
        "No_findings/00000061_015.png",
        "Pneumonia/00000061_020.png",
        "Pneumonia/notes.txt",
    )

    collection = importers.read(folder)

    assert importers.recognise(folder).name == "darkcovidnet"
    assert patients(collection) == {
        "first-day1.png": "darkcovidnet-first-day1",
        "00000061_012.png": "nih-00000061",
        "00000061_015.png": "nih-00000061",
        "00000061_020.png": "nih-00000061",
    }
    assert {radiograph.source for radiograph in collection.radiographs} == {"cohen", "nih"}
    assert collection.excluded_counts() == {"not-an-image": 1}


def test_darkcovidnet_takes_covid_patients_from_cohens_table(tmp_path: Path, cohen: Path) -> None:
    folder = write_files(
        tmp_path / "dark",
        "Covid-19/first-day1.jpg",
        "Covid-19/first-day9.jpg",
        "Covid-19/stranger.jpg",
        "No_findings/00000061_012.jpg",
    )

    collection = importers.read(folder, ReadOptions(cohen=cohen))

    assert patients(collection) == {
        "first-day1.jpg": "cohen-1",
        "first-day9.jpg": "cohen-1",  # another day of a patient in the table
        "stranger.jpg": "darkcovidnet-stranger",
        "00000061_012.jpg": "nih-00000061",
    }
    with pytest.raises(UnreadableCollection, match="Cohen"):
        importers.read(folder, ReadOptions(cohen=folder / "No_findings"))


@pytest.mark.parametrize("inner", ["images/", ""])
def test_the_radiography_database_is_read_with_and_without_its_inner_folder(
    tmp_path: Path, inner: str
) -> None:
    folder = write_files(
        tmp_path, f"COVID/{inner}COVID-1.png", f"Normal/{inner}Normal-1.png", f"Lung_Opacity/{inner}LO-1.png"
    )

    collection = importers.read(folder)

    assert importers.recognise(folder).name == "radiography"
    assert labels(collection) == {"COVID-1.png": "covid-19", "Normal-1.png": "normal", "LO-1.png": "other"}
    assert {radiograph.source for radiograph in collection.radiographs} == {
        "radiography-covid",
        "radiography-normal",
        "radiography-lung_opacity",
    }


def test_masks_of_the_radiography_database_are_not_imported_as_radiographs(tmp_path: Path) -> None:
    folder = write_files(
        tmp_path, "COVID/images/COVID-1.png", "COVID/masks/COVID-1.png", "Normal/images/Normal-1.png"
    )

    collection = importers.read(folder)

    assert len(collection.radiographs) == 2
    assert collection.masks == {folder / "COVID/images/COVID-1.png": folder / "COVID/masks/COVID-1.png"}


def test_kaggle_patients_come_from_file_names_across_train_val_and_test(tmp_path: Path) -> None:
    folder = write_files(
        tmp_path / "collection",
        "chest_xray/train/PNEUMONIA/person7_bacteria_24.jpeg",
        "chest_xray/test/PNEUMONIA/person7_virus_25.jpeg",
        "chest_xray/train/NORMAL/IM-0115-0001.jpeg",
        "chest_xray/val/NORMAL/NORMAL2-IM-0115-0001.jpeg",
        "chest_xray/val/NORMAL/NORMAL2-IM-0115-0001-0002.jpeg",
        "chest_xray/test/NORMAL/NORMAL-4512-0003.jpeg",
        "chest_xray/test/NORMAL/unnumbered.jpeg",
        "chest_xray/test/.DS_Store",
    )

    collection = importers.read(folder)

    assert importers.recognise(folder).name == "kaggle"
    assert patients(collection) == {
        "person7_bacteria_24.jpeg": "kaggle-person7",
        "person7_virus_25.jpeg": "kaggle-person7",
        "IM-0115-0001.jpeg": "kaggle-IM-0115",
        "NORMAL2-IM-0115-0001.jpeg": "kaggle-NORMAL2-IM-0115",
        "NORMAL2-IM-0115-0001-0002.jpeg": "kaggle-NORMAL2-IM-0115",
        "NORMAL-4512-0003.jpeg": "kaggle-4512",
        "unnumbered.jpeg": "kaggle-unnumbered",
    }
    assert not collection.excluded
