"""Any tree of class folders and any table can be imported, but no file outside of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml import importers
from ml.importers import ReadOptions, Reason, UnreadableCollection
from tests.ml.collection_layouts import labels, patients, write_cohen_collection, write_files
from tests.radiographs import radiograph_dicom

TABLE = [
    "Path,Label,Patient,View,Source",
    "deep/a.png,covid,Smith 4711,PA,north",
    "deep\\b.png,COVID-19,Smith 4711,ap,south",
    "c.png,normal,,,",
    "d.png,normal,,lateral,",
    "e.png,broken arm,,,",
    "c.png,normal,,,",
    "absent.png,normal,,,",
    "notes.txt,normal,,,",
    "/etc/hostname,normal,,,",
    "../secret.png,normal,,,",
    "C:\\radiographs\\x.png,normal,,,",
    "",
]


def test_the_nearest_folder_named_after_a_finding_gives_the_label(tmp_path: Path) -> None:
    folder = write_files(
        tmp_path / "collection",
        "train/covid/a.png",
        "test/Viral Pneumonia/images/b.jpg",
        "healthy/c.png",
        "broken-arm/d.png",
        "healthy/masks/c.png",
        "healthy/readme.txt",
        "loose.png",
    )
    write_files(folder, "healthy/IMG0001", content=radiograph_dicom(size=(64, 64)))
    (folder / "healthy" / "link.png").symlink_to("/etc/hostname")

    collection = importers.read(folder)

    assert importers.recognise(folder).name == "tree"
    assert labels(collection) == {
        "a.png": "covid-19",
        "b.jpg": "pneumonia",
        "c.png": "normal",
        "IMG0001": "normal",
    }
    assert len(set(patients(collection).values())) == 4
    assert all(patient.startswith("collection-") for patient in patients(collection).values())
    assert collection.excluded_counts() == {
        "finding-not-known": 1,
        "mask": 1,
        "not-an-image": 1,
        "outside": 1,
        "finding-not-given": 1,
    }
    assert collection.excluded[Reason.FINDING_NOT_KNOWN].details == {"broken-arm": 1}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_of_paths_and_labels_is_imported(tmp_path: Path, separator: str) -> None:
    folder = write_files(
        tmp_path / "collection", "deep/a.png", "deep/b.png", "c.png", "d.png", "e.png", "notes.txt"
    )
    table = folder / "ward.csv"
    table.write_text("\n".join(TABLE).replace(",", separator), encoding="utf-8-sig")

    collection = importers.read(table)

    assert labels(collection) == {"a.png": "covid-19", "b.png": "covid-19", "c.png": "normal"}
    assert [(radiograph.source, radiograph.view) for radiograph in collection.radiographs] == [
        ("north", "PA"),
        ("south", "AP"),
        ("ward", ""),
    ]
    patient_of = patients(collection)
    assert patient_of["a.png"] == patient_of["b.png"] != patient_of["c.png"]
    assert "Smith" not in str(patient_of)
    assert collection.excluded_counts() == {
        "lateral": 1,
        "finding-not-known": 1,
        "listed-twice": 1,
        "file-missing": 1,
        "not-an-image": 1,
        "outside": 3,
    }


def test_the_caller_can_supply_its_own_pseudonyms(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "collection", "a.png")
    (folder / "ward.csv").write_text("path,label,patient\na.png,normal,4711\n")

    collection = importers.read(folder, ReadOptions(name="north", pseudonym=lambda name: name[::-1]))

    assert [radiograph.patient for radiograph in collection.radiographs] == ["north-1174"]


def test_a_radiograph_with_two_findings_is_excluded(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "collection", "a.png", "b.png")
    (folder / "ward.csv").write_text("path,label\na.png,normal\na.png,covid\na.png,normal\nb.png,covid\n")

    collection = importers.read(folder)

    assert labels(collection) == {"b.png": "covid-19"}
    assert collection.excluded_counts() == {"two-findings": 3}


def test_a_row_with_a_link_outside_the_folder_is_excluded(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "collection", "a.png")
    (tmp_path / "secret.png").write_bytes(b"another patient's")
    (folder / "inside.png").symlink_to(tmp_path / "secret.png")
    rows = ["path,label", "a.png,normal", "inside.png,normal", "x" * 5000 + ".png,normal", "\0.png,normal"]
    (folder / "ward.csv").write_text("\n".join(rows))

    collection = importers.read(folder)

    assert labels(collection) == {"a.png": "normal"}
    assert sum(collection.excluded_counts().values()) == 3


def test_radiographs_are_not_decoded_during_the_import_of_a_collection(tmp_path: Path) -> None:
    folder = write_files(
        tmp_path / "collection", "covid/a.png", "normal/b.png", content=b"no radiograph at all"
    )

    assert len(importers.read(folder).radiographs) == 2


def error_code(path: Path) -> str:
    with pytest.raises(UnreadableCollection) as error:
        importers.read(path)
    return error.value.code


def test_a_path_without_a_collection_is_refused(tmp_path: Path) -> None:
    assert error_code(write_files(tmp_path / "text", "a.txt")) == "not_a_collection"
    assert error_code(write_files(tmp_path / "flat", "a.png")) == "not_a_collection"
    assert error_code(tmp_path / "absent") == "not_a_collection"


def test_a_folder_with_several_collections_is_refused(tmp_path: Path) -> None:
    write_cohen_collection(tmp_path / "cohen")
    write_files(tmp_path / "normal", "x.png")

    assert error_code(tmp_path) == "several_collections"


@pytest.mark.parametrize("separator", [b"\n", b"\r"])
def test_a_small_table_of_many_values_is_refused(tmp_path: Path, separator: bytes) -> None:
    table = tmp_path / "ward.csv"
    columns = b",".join(b"%x" % number for number in range(3000))
    table.write_bytes(b"path,label," + columns + separator + (b"x" + separator) * 3000)  # 20 kB

    assert error_code(table) == "table_too_large"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (b"a\xff.png,normal\n" + b"z" * 20_000, "table_not_utf8"),
        (b"x" * 200_000 + b",normal\n", "table_damaged"),
    ],
)
def test_an_unreadable_table_is_refused(tmp_path: Path, rows: bytes, code: str) -> None:
    table = tmp_path / "ward.csv"
    table.write_bytes(b"path,label\n" + b"a.png,normal\n" * 2000 + rows)

    assert error_code(table) == code
