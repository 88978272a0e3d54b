"""Scans list the content of a collection and open no case."""

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
from diagnostics.imports.options import ImportOptions, balanced_subset
from diagnostics.imports.services import scans
from ml.records import LabelledImage
from tests.imports.conftest import Scan, make_collection, zipped
from tests.ml.collection_layouts import write_cohen_collection


def test_a_scan_lists_radiographs_findings_and_exclusions(collection: Path, scan: Scan) -> None:
    import_job = scan(collection)

    counts = [
        (count.finding, count.radiographs, count.patients) for count in selectors.finding_counts(import_job)
    ]
    assert counts == [("covid-19", 3, 3), ("normal", 2, 2)]
    assert import_job.exclusions == [
        {"reason": "not-an-image", "count": 1, "examples": ["notes.txt"], "details": {}}
    ]
    assert (import_job.importer, import_job.collection, import_job.origin) == ("tree", "trees", "trees")


def test_a_scan_opens_no_case_and_stores_no_radiograph(
    collection: Path, scan: Scan, data_folders: Path
) -> None:
    import_job = scan(collection)

    assert import_job.stage == Stage.SCANNED
    assert not Case.objects.exists()
    assert not ImportedLabel.objects.exists()
    assert not (data_folders / "media").exists()


def test_an_uploaded_zip_is_unpacked_and_then_removed(
    collection: Path, data_folders: Path, site: Site, administrator: User, now: datetime
) -> None:
    archive_bytes = zipped(collection)

    import_job = scans.scan_path(
        collection=iter([archive_bytes[:1000], archive_bytes[1000:]]),
        origin="mine.zip",
        options=ImportOptions(),
        site=site,
        by=administrator,
        now=now,
    )

    assert import_job.collection == "mine"
    assert import_job.files.count() == 5
    assert Path(import_job.base_folder).is_relative_to(staging.staging_folder(import_job.pk))
    assert not list((data_folders / "incoming").rglob("*.zip"))


@pytest.mark.parametrize("name", ["../escape.png", "/etc/escape.png", "covid\\..\\..\\escape.png"])
def test_a_zip_with_a_path_outside_is_refused_and_leaves_no_file(
    name: str, data_folders: Path, scan: Scan
) -> None:
    archive_bytes = io.BytesIO()
    with zipfile.ZipFile(archive_bytes, "w") as archive:
        archive.writestr(name, b"x")
    (data_folders / "bad.zip").write_bytes(archive_bytes.getvalue())

    with pytest.raises(UnknownCollection) as error:
        scan(data_folders / "bad.zip")

    assert error.value.code == "zip_path"
    assert not list(data_folders.rglob("escape.png"))
    assert not list((data_folders / "incoming").iterdir())
    assert not Import.objects.exists()


def test_an_empty_folder_is_refused_with_a_reason(data_folders: Path, scan: Scan) -> None:
    (data_folders / "empty").mkdir()

    with pytest.raises(UnknownCollection) as error:
        scan(data_folders / "empty")

    assert error.value.code == "not_a_collection"


def test_patient_pseudonyms_reveal_neither_name_nor_finding(data_folders: Path, scan: Scan) -> None:
    import_job = scan(write_cohen_collection(data_folders / "covid"))
    names = dict(import_job.files.values_list("path", "patient_ref"))

    assert names["images/first-day1.png"] == names["images/first-day4.png"]
    assert names["images/first-day1.png"] != names["images/second.png"]
    assert all(name.startswith("cohen-") and len(name) == len("cohen-") + 16 for name in names.values())


def test_another_secret_key_gives_other_pseudonyms(
    data_folders: Path, scan: Scan, settings: Settings
) -> None:
    first = scan(write_cohen_collection(data_folders / "covid"))
    settings.SECRET_KEY = "another" * 10
    second = scan(data_folders / "covid")

    references = [set(scanned.files.values_list("patient_ref", flat=True)) for scanned in (first, second)]
    assert references[0].isdisjoint(references[1])


def test_an_ap_supine_radiograph_has_the_view_ap(data_folders: Path, scan: Scan) -> None:
    import_job = scan(write_cohen_collection(data_folders / "covid"))

    assert import_job.files.get(path="images/first-day4.png").view == "AP"


def test_a_limit_is_balanced_over_the_findings() -> None:
    images = [LabelledImage(Path(f"{k}"), "normal" if k < 8 else "covid-19", "p") for k in range(10)]

    assert [image.label for image in balanced_subset(images, 4)].count("covid-19") == 2
    assert len(balanced_subset(images, 9)) == 9
    assert balanced_subset(images, 0) == images


def test_only_entries_directly_inside_the_import_folder_can_be_chosen(
    collection: Path, data_folders: Path, site: Site, administrator: User, now: datetime
) -> None:
    (data_folders / "secret").mkdir()
    make_collection(data_folders / "secret" / "x")
    (data_folders / "imports" / "link").symlink_to(data_folders / "secret")
    (data_folders / "imports" / "readme.txt").write_text("no collection")

    assert staging.available_collections() == ["trees"]
    for name in ("link", "../secret", "trees/normal", "/etc", "", ".", "..", "readme.txt"):
        with pytest.raises(UnknownCollection, match="no longer in the import folder"):
            scans.scan_choice(name=name, options=ImportOptions(), site=site, by=administrator, now=now)


def test_only_an_administrator_may_scan(
    collection: Path, site: Site, radiologist: User, technician: User, now: datetime
) -> None:
    for person in (radiologist, technician):
        with pytest.raises(NotAllowed):
            scans.scan_path(
                collection=collection, origin="x", options=ImportOptions(), site=site, by=person, now=now
            )


def test_a_scan_can_be_discarded(collection: Path, scan: Scan, administrator: User) -> None:
    scans.discard_scan(import_job=scan(collection), by=administrator)

    assert not ImportedFile.objects.exists()
    assert not Import.objects.exists()


def test_a_scan_is_discarded_after_a_week_and_not_earlier(
    collection: Path, scan: Scan, now: datetime
) -> None:
    import_job = scan(collection)

    scans.discard_old_scans(now=now + timedelta(days=6))
    assert staging.staging_folder(import_job.pk).is_dir()
    scans.discard_old_scans(now=datetime.now(tz=now.tzinfo) + timedelta(days=3000))

    assert not Import.objects.exists()
    assert not staging.staging_folder(import_job.pk).exists()
