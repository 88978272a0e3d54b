"""Any tree of folders and any table can be brought in, and nothing from outside of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml import importers
from ml.importers import Options, Reason, UnreadableCollection
from tests.ml.layouts import labels, lay, lay_cohen, patients
from tests.radiographs import radiograph_dicom


def test_in_any_tree_the_nearest_folder_named_after_a_finding_counts(tmp_path: Path) -> None:
    folder = lay(
        tmp_path / "collection",
        "train/covid/a.png",
        "test/Viral Pneumonia/images/b.jpg",
        "healthy/c.png",
        "broken-arm/d.png",
        "healthy/masks/c.png",
        "healthy/readme.txt",
        "loose.png",
    )
    lay(folder, "healthy/IMG0001", content=radiograph_dicom(size=(64, 64)))
    (folder / "healthy" / "link.png").symlink_to("/etc/hostname")

    found = importers.read(folder)

    assert importers.recognise(folder).name == "tree"
    assert labels(found) == {
        "a.png": "covid-19",
        "b.jpg": "pneumonia",
        "c.png": "normal",
        "IMG0001": "normal",
    }
    assert len(set(patients(found).values())) == 4
    assert all(patient.startswith("collection-") for patient in patients(found).values())
    assert found.counts() == {
        "finding-not-known": 1,
        "mask": 1,
        "not-an-image": 1,
        "outside": 1,
        "finding-not-given": 1,
    }
    assert found.left_out[Reason.FINDING_NOT_KNOWN].details == {"broken-arm": 1}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_table_of_paths_and_labels_is_read(tmp_path: Path, separator: str) -> None:
    folder = lay(tmp_path / "collection", "deep/a.png", "deep/b.png", "c.png", "d.png", "e.png", "notes.txt")
    rows = [
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
    table = folder / "ward.csv"
    table.write_text("\n".join(rows).replace(",", separator), encoding="utf-8-sig")

    found = importers.read(table)

    assert labels(found) == {"a.png": "covid-19", "b.png": "covid-19", "c.png": "normal"}
    assert [(radiograph.source, radiograph.view) for radiograph in found.radiographs] == [
        ("north", "PA"),
        ("south", "AP"),
        ("ward", ""),
    ]
    of = patients(found)
    assert of["a.png"] == of["b.png"] != of["c.png"]
    assert "Smith" not in str(of)
    assert found.counts() == {
        "lateral": 1,
        "finding-not-known": 1,
        "listed-twice": 1,
        "file-missing": 1,
        "not-an-image": 1,
        "outside": 3,
    }


def test_a_hospital_gives_its_own_pseudonyms(tmp_path: Path) -> None:
    folder = lay(tmp_path / "collection", "a.png")
    (folder / "ward.csv").write_text("path,label,patient\na.png,normal,4711\n")

    found = importers.read(folder, Options(name="north", pseudonym=lambda who: who[::-1]))

    assert [radiograph.patient for radiograph in found.radiographs] == ["north-1174"]


def test_a_radiograph_with_two_findings_is_not_learnt_from(tmp_path: Path) -> None:
    folder = lay(tmp_path / "collection", "a.png", "b.png")
    (folder / "ward.csv").write_text("path,label\na.png,normal\na.png,covid\na.png,normal\nb.png,covid\n")

    found = importers.read(folder)

    assert labels(found) == {"b.png": "covid-19"}
    assert found.counts() == {"two-findings": 3}


def test_a_row_that_follows_a_link_out_of_the_folder_is_left_out(tmp_path: Path) -> None:
    folder = lay(tmp_path / "collection", "a.png")
    (tmp_path / "secret.png").write_bytes(b"another patient's")
    (folder / "inside.png").symlink_to(tmp_path / "secret.png")
    rows = ["path,label", "a.png,normal", "inside.png,normal", "x" * 5000 + ".png,normal", "\0.png,normal"]
    (folder / "ward.csv").write_text("\n".join(rows))

    found = importers.read(folder)

    assert labels(found) == {"a.png": "normal"}
    assert sum(found.counts().values()) == 3


def test_no_radiograph_is_decoded_while_its_collection_is_read(tmp_path: Path) -> None:
    folder = lay(tmp_path / "collection", "covid/a.png", "normal/b.png", content=b"no radiograph at all")

    assert len(importers.read(folder).radiographs) == 2


def code_of(path: Path) -> str:
    with pytest.raises(UnreadableCollection) as refusal:
        importers.read(path)
    return refusal.value.code


def test_what_is_no_collection_is_refused(tmp_path: Path) -> None:
    assert code_of(lay(tmp_path / "words", "a.txt")) == "not_a_collection"
    assert code_of(lay(tmp_path / "flat", "a.png")) == "not_a_collection"
    assert code_of(tmp_path / "absent") == "not_a_collection"


def test_a_folder_of_collections_is_refused_lest_their_patients_be_lost(tmp_path: Path) -> None:
    lay_cohen(tmp_path / "cohen")
    lay(tmp_path / "normal", "x.png")

    assert code_of(tmp_path) == "several_collections"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (b"a\xff.png,normal\n" + b"z" * 20_000, "table_not_utf8"),
        (b"x" * 200_000 + b",normal\n", "table_damaged"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path, rows: bytes, code: str) -> None:
    table = tmp_path / "ward.csv"
    table.write_bytes(b"path,label\n" + b"a.png,normal\n" * 2000 + rows)

    assert code_of(table) == code
