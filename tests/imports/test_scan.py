"""Looking a collection through: what it says, and that it writes nothing."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.errors import NotAllowed
from diagnostics.imports import selectors, staging
from diagnostics.imports.errors import UnknownCollection
from diagnostics.imports.models import Import, ImportedFile, ImportedLabel, Stage
from diagnostics.imports.options import ImportOptions, some
from diagnostics.imports.services import scans
from ml.records import LabelledImage
from tests.imports.conftest import LookAt, lay_tree, zipped
from tests.ml.layouts import lay_cohen


def test_a_look_names_radiographs_findings_and_what_stays_out(collection: Path, look_at: LookAt) -> None:
    found = look_at(collection)

    counted = [(each.finding, each.radiographs, each.patients) for each in selectors.findings(found)]
    assert counted == [("covid-19", 3, 3), ("normal", 2, 2)]
    assert found.left_out == [
        {"reason": "not-an-image", "count": 1, "examples": ["notes.txt"], "details": {}}
    ]
    assert (found.kind, found.collection, found.origin) == ("tree", "trees", "trees")


def test_a_look_opens_no_case_and_stores_no_radiograph(
    collection: Path, look_at: LookAt, homes: Path
) -> None:
    found = look_at(collection)

    assert found.step == Stage.LOOKED
    assert not Case.objects.exists()
    assert not ImportedLabel.objects.exists()
    assert not (homes / "media").exists()


def test_a_zip_is_unpacked_and_the_upload_is_not_kept(
    collection: Path, homes: Path, site: Site, administrator: User, now: datetime
) -> None:
    packed = zipped(collection)

    found = scans.scan_path(
        collection=iter([packed[:1000], packed[1000:]]),
        origin="mine.zip",
        wishes=ImportOptions(),
        site=site,
        by=administrator,
        now=now,
    )

    assert found.collection == "mine"
    assert found.files.count() == 5
    assert Path(found.base).is_relative_to(staging.staging_folder(found.pk))
    assert not list((homes / "incoming").rglob("*.zip"))


@pytest.mark.parametrize("name", ["../escape.png", "/etc/escape.png", "covid\\..\\..\\escape.png"])
def test_a_zip_that_reaches_out_is_refused_and_leaves_nothing(
    name: str, homes: Path, look_at: LookAt
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, b"x")
    (homes / "bad.zip").write_bytes(packed.getvalue())

    with pytest.raises(UnknownCollection) as refusal:
        look_at(homes / "bad.zip")

    assert refusal.value.code == "zip_path"
    assert not list(homes.rglob("escape.png"))
    assert not list((homes / "incoming").iterdir())
    assert not Import.objects.exists()


def test_what_is_no_collection_is_refused_with_a_reason(homes: Path, look_at: LookAt) -> None:
    (homes / "empty").mkdir()

    with pytest.raises(UnknownCollection, match="There is no collection here"):
        look_at(homes / "empty")


def test_patients_are_pseudonyms_that_tell_neither_name_nor_finding(homes: Path, look_at: LookAt) -> None:
    found = look_at(lay_cohen(homes / "covid"))
    names = dict(found.files.values_list("path", "patient_ref"))

    assert names["images/first-day1.png"] == names["images/first-day4.png"]
    assert names["images/first-day1.png"] != names["images/second.png"]
    assert all(name.startswith("cohen-") and len(name) == len("cohen-") + 16 for name in names.values())


def test_another_house_gives_other_pseudonyms(homes: Path, look_at: LookAt, settings: Settings) -> None:
    here = look_at(lay_cohen(homes / "covid"))
    settings.SECRET_KEY = "another" * 10
    there = look_at(homes / "covid")

    first, second = (set(each.files.values_list("patient_ref", flat=True)) for each in (here, there))
    assert first.isdisjoint(second)


def test_a_supine_radiograph_is_a_radiograph_from_the_front(homes: Path, look_at: LookAt) -> None:
    found = look_at(lay_cohen(homes / "covid"))

    assert found.files.get(path="images/first-day4.png").view == "AP"


def test_a_limit_takes_of_every_finding_alike() -> None:
    radiographs = [LabelledImage(Path(f"{k}"), "normal" if k < 8 else "covid-19", "p") for k in range(10)]

    assert [radiograph.label for radiograph in some(radiographs, 4)].count("covid-19") == 2
    assert len(some(radiographs, 9)) == 9
    assert some(radiographs, 0) == radiographs


def test_only_what_lies_directly_in_the_folder_can_be_chosen(
    collection: Path, homes: Path, site: Site, administrator: User, now: datetime
) -> None:
    (homes / "secret").mkdir()
    lay_tree(homes / "secret" / "x")
    (homes / "imports" / "link").symlink_to(homes / "secret")
    (homes / "imports" / "readme.txt").write_text("no collection")

    assert staging.available_collections() == ["trees"]
    for name in ("link", "../secret", "trees/normal", "/etc", "", ".", "..", "readme.txt"):
        with pytest.raises(UnknownCollection, match="not in the folder"):
            scans.scan_choice(name=name, wishes=ImportOptions(), site=site, by=administrator, now=now)


def test_only_an_administrator_may_look(
    collection: Path, site: Site, radiologist: User, technician: User, now: datetime
) -> None:
    for person in (radiologist, technician):
        with pytest.raises(NotAllowed):
            scans.scan_path(
                collection=collection, origin="x", wishes=ImportOptions(), site=site, by=person, now=now
            )


def test_a_look_can_be_forgotten(collection: Path, look_at: LookAt, administrator: User) -> None:
    scans.discard_scan(importing=look_at(collection), by=administrator)

    assert not ImportedFile.objects.exists()
    assert not Import.objects.exists()


def test_the_clock_forgets_a_look_after_a_week_and_keeps_a_young_one(
    collection: Path, look_at: LookAt, now: datetime
) -> None:
    found = look_at(collection)

    scans.discard_old_scans(now=now + timedelta(days=6))
    assert staging.staging_folder(found.pk).is_dir()
    scans.discard_old_scans(now=datetime.now(tz=now.tzinfo) + timedelta(days=3000))

    assert not Import.objects.exists()
    assert not staging.staging_folder(found.pk).exists()
