"""The pages of imports: visible to administrators of the site only."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.imports import pipeline
from diagnostics.imports.models import Import, ImportedFile
from diagnostics.imports.presenters import exclusions
from diagnostics.jobs.models import JobStatus
from tests.conftest import create_user
from tests.imports.conftest import RunImport, Scan, logged_in, make_collection, run_batches, zipped
from tests.radiographs import radiograph_png


@pytest.fixture
def client(administrator: User) -> Client:
    return logged_in(administrator)


def test_a_collection_on_the_server_is_scanned(collection: Path, client: Client) -> None:
    assert '<option value="trees">' in client.get(reverse("imports:imports")).content.decode()

    response = client.post(reverse("imports:scan"), {"choice": "trees"}, follow=True)

    page = response.content.decode()
    assert "Start import (5 radiographs)" in page
    assert "Not a PNG, JPEG or DICOM file." in page
    assert "notes.txt" in page
    assert "Scanned, not imported yet" in page


def test_an_uploaded_zip_is_scanned(collection: Path, client: Client) -> None:
    upload = SimpleUploadedFile("ward 3.zip", zipped(collection))

    response = client.post(reverse("imports:scan"), {"upload": upload}, follow=True)

    assert "Start import (5 radiographs)" in response.content.decode()
    assert Import.objects.get().collection == "ward 3"


@pytest.mark.parametrize("choice", ["../secret", "/etc", "trees/normal", "..", "nowhere"])
def test_no_other_path_can_be_chosen_from_a_browser(collection: Path, client: Client, choice: str) -> None:
    response = client.post(reverse("imports:scan"), {"choice": choice})

    assert response.status_code == 400
    assert not Import.objects.exists()


def test_exactly_one_collection_is_required(collection: Path, client: Client) -> None:
    upload = SimpleUploadedFile("a.zip", zipped(collection))

    for data in ({}, {"choice": "trees", "upload": upload}):
        response = client.post(reverse("imports:scan"), data)
        assert response.status_code == 400
        assert (
            "Select either a collection on the server or a ZIP file to upload." in response.content.decode()
        )


def test_a_damaged_zip_is_refused_with_a_message(data_folders: Path, client: Client) -> None:
    response = client.post(
        reverse("imports:scan"), {"upload": SimpleUploadedFile("a.zip", b"PK\x03\x04 and no more")}
    )

    assert response.status_code == 400
    assert "This ZIP is damaged" in response.content.decode()


def test_the_page_polls_a_running_import_and_stops_when_it_has_finished(
    collection: Path, scan: Scan, client: Client, administrator: User, now: datetime
) -> None:
    import_job = scan(collection)
    state = reverse("imports:state", args=[import_job.pk])
    client.post(reverse("imports:start", args=[import_job.pk]))
    assert "Queued" in client.get(state).content.decode()
    pipeline.import_batch(import_job.pk, clock=lambda: now, seconds=0)

    running = client.get(state)

    assert running.status_code == 200
    assert "Radiograph 1 of 5" in running.content.decode()
    run_batches(import_job, now)
    finished = client.get(state)
    assert finished.status_code == 286
    assert "4 imported, 0 already present, 1 not usable" in finished.content.decode()
    assert "covid/damaged.png" in finished.content.decode()


def test_an_administrator_stops_and_resumes_an_import(
    collection: Path, scan: Scan, client: Client, now: datetime
) -> None:
    import_job = scan(collection)
    client.post(reverse("imports:start", args=[import_job.pk]))
    client.post(reverse("imports:stop", args=[import_job.pk]))
    pipeline.import_batch(import_job.pk, clock=lambda: now)

    page = client.get(reverse("imports:import", args=[import_job.pk])).content.decode()

    assert "Stopped, 5 radiographs pending" in page
    assert "Resume import (5 radiographs)" in page


def test_a_failed_import_shows_the_reason_and_the_next_step(
    collection: Path, scan: Scan, client: Client
) -> None:
    import_job = scan(collection)
    Import.objects.update(stage="importing", status=JobStatus.FAILED, failure_code="storage_full")

    page = client.get(reverse("imports:import", args=[import_job.pk])).content.decode()

    assert "The radiographs could not be stored. Check the disk, then resume the import." in page


def test_exclusions_can_be_downloaded_as_a_table(
    collection: Path, scan: Scan, run_import: RunImport, client: Client
) -> None:
    import_job = run_import(scan(collection))

    response = client.get(reverse("imports:exclusions", args=[import_job.pk]))

    rows = list(csv.reader(response.getvalue().decode().splitlines()))
    assert response["Content-Disposition"] == 'attachment; filename="import-1-exclusions.csv"'
    assert rows[1:] == [
        ["notes.txt", "not-an-image", "Not a PNG, JPEG or DICOM file.", "1", ""],
        [
            "covid/damaged.png",
            "damaged",
            "The file is damaged or truncated. Please export the radiograph again.",
            "1",
            "",
        ],
    ]


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_a_file_name_is_not_a_formula_in_a_spreadsheet(name: str) -> None:
    rows = [{"reason": "mask", "count": 1, "examples": [name], "details": {name: 1}}]

    lines = list(exclusions.csv_lines(rows, [ImportedFile(path=name, code="damaged")]))

    cells = [row[0] for row in csv.reader(lines[1:])]
    assert cells == [f"'{name}", f"'{name}"]


def test_unusable_radiographs_are_paginated(collection: Path, scan: Scan, client: Client) -> None:
    import_job = scan(collection)
    ImportedFile.objects.bulk_create(
        ImportedFile(
            import_job=import_job,
            position=100 + k,
            path=f"bad-{k:03d}.png",
            finding="normal",
            patient_ref="x",
            status="unusable",
            code="damaged",
        )
        for k in range(60)
    )
    address = reverse("imports:import", args=[import_job.pk])

    first = client.get(address).content.decode()
    second = client.get(f"{address}?page=2").content.decode()

    assert "bad-049.png" in first
    assert "bad-050.png" not in first
    assert "bad-050.png" in second


def test_an_administrator_of_another_site_cannot_see_an_import(
    collection: Path, scan: Scan, other_site: Site
) -> None:
    import_job = scan(collection)
    client = logged_in(create_user("elsewhere", Role.ADMINISTRATOR, other_site))

    assert client.get(reverse("imports:import", args=[import_job.pk])).status_code == 404
    assert client.get(reverse("imports:exclusions", args=[import_job.pk])).status_code == 404
    assert str(import_job.pk) not in client.get(reverse("imports:imports")).content.decode()


def test_markup_in_a_file_name_is_escaped(data_folders: Path, scan: Scan, client: Client) -> None:
    folder = make_collection(data_folders / "imports" / "odd")
    (folder / "covid" / "<img src=x onerror=alert(1)>.txt").write_text("x")

    page = client.get(reverse("imports:import", args=[scan(folder).pk])).content.decode()

    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_an_import_with_unusable_files_does_not_say_that_every_file_can_be_imported(
    data_folders: Path, scan: Scan, client: Client
) -> None:
    folder = data_folders / "imports" / "set" / "normal"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(radiograph_png(1))
    import_job = scan(folder.parent, limit=1)
    address = reverse("imports:import", args=[import_job.pk])
    assert "every file of the collection can be imported" in client.get(address).text
    ImportedFile.objects.filter(import_job=import_job).update(status="unusable", code="damaged")

    page = client.get(address).text

    assert "every file of the collection can be imported" not in page
    assert "Files that could not be imported are listed below." in page


def test_an_import_that_is_limited_to_one_radiograph_is_no_plural(
    collection: Path, scan: Scan, client: Client
) -> None:
    import_job = scan(collection, limit=1)

    page = client.get(reverse("imports:import", args=[import_job.pk])).text

    assert "Limited to 1 radiograph." in page
    assert "1 radiographs" not in page
