"""The pages of imports: for administrators of the site, and for nobody else."""

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
from tests.conftest import employ
from tests.imports.conftest import LookAt, Run, lay_tree, zipped


@pytest.fixture
def client_of(administrator: User) -> Client:
    return logged_in(administrator)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_collection_on_the_server_is_chosen_and_looked_through(collection: Path, client_of: Client) -> None:
    assert '<option value="trees">' in client_of.get(reverse("imports:imports")).content.decode()

    answer = client_of.post(reverse("imports:look"), {"choice": "trees"}, follow=True)

    page = answer.content.decode()
    assert "Import 5 radiographs" in page
    assert "Not a PNG, JPEG or DICOM file." in page
    assert "notes.txt" in page
    assert "Looked through, nothing imported yet" in page


def test_an_uploaded_zip_is_looked_through(collection: Path, client_of: Client) -> None:
    upload = SimpleUploadedFile("ward 3.zip", zipped(collection))

    answer = client_of.post(reverse("imports:look"), {"upload": upload}, follow=True)

    assert "Import 5 radiographs" in answer.content.decode()
    assert Import.objects.get().collection == "ward 3"


@pytest.mark.parametrize("choice", ["../secret", "/etc", "trees/normal", "..", "nowhere"])
def test_no_other_place_can_be_chosen_from_a_browser(
    collection: Path, client_of: Client, choice: str
) -> None:
    answer = client_of.post(reverse("imports:look"), {"choice": choice})

    assert answer.status_code == 400
    assert not Import.objects.exists()


def test_nothing_chosen_and_two_things_chosen_are_refused(collection: Path, client_of: Client) -> None:
    upload = SimpleUploadedFile("a.zip", zipped(collection))

    for sent in ({}, {"choice": "trees", "upload": upload}):
        answer = client_of.post(reverse("imports:look"), sent)
        assert answer.status_code == 400
        assert "Choose a collection on the server, or a ZIP from here." in answer.content.decode()


def test_a_damaged_zip_is_refused_in_words(homes: Path, client_of: Client) -> None:
    answer = client_of.post(
        reverse("imports:look"), {"upload": SimpleUploadedFile("a.zip", b"PK\x03\x04 and no more")}
    )

    assert answer.status_code == 400
    assert "This ZIP is damaged" in answer.content.decode()


def test_the_page_follows_an_import_and_stops_asking_at_its_end(
    collection: Path, look_at: LookAt, client_of: Client, administrator: User, now: datetime
) -> None:
    found = look_at(collection)
    state = reverse("imports:state", args=[found.pk])
    client_of.post(reverse("imports:begin", args=[found.pk]))
    assert "Waiting for the worker" in client_of.get(state).content.decode()
    pipeline.import_batch(found.pk, clock=lambda: now, seconds=0)

    going = client_of.get(state)

    assert going.status_code == 200
    assert "Radiograph 1 of 5" in going.content.decode()
    while pipeline.import_batch(found.pk, clock=lambda: now):
        pass
    over = client_of.get(state)
    assert over.status_code == 286
    assert "4 brought in, 0 already here, 1 not usable" in over.content.decode()
    assert "covid/damaged.png" in over.content.decode()


def test_an_administrator_stops_an_import_and_goes_on(
    collection: Path, look_at: LookAt, client_of: Client, now: datetime
) -> None:
    found = look_at(collection)
    client_of.post(reverse("imports:begin", args=[found.pk]))
    client_of.post(reverse("imports:stop", args=[found.pk]))
    pipeline.import_batch(found.pk, clock=lambda: now)

    page = client_of.get(reverse("imports:import", args=[found.pk])).content.decode()

    assert "Stopped, 5 radiographs wait" in page
    assert "Go on with 5 radiographs" in page


def test_a_failed_import_says_why_and_what_to_do(
    collection: Path, look_at: LookAt, client_of: Client
) -> None:
    found = look_at(collection)
    Import.objects.update(step="bring-in", status=JobStatus.FAILED, failure_code="storage_full")

    page = client_of.get(reverse("imports:import", args=[found.pk])).content.decode()

    assert "The radiographs could not be stored. Look at the disk, then go on." in page


def test_what_was_left_out_is_a_table_to_download(
    collection: Path, look_at: LookAt, run: Run, client_of: Client
) -> None:
    done = run(look_at(collection))

    answer = client_of.get(reverse("imports:left-out", args=[done.pk]))

    rows = list(csv.reader(answer.getvalue().decode().splitlines()))
    assert answer["Content-Disposition"] == 'attachment; filename="import-1-left-out.csv"'
    assert rows[1:] == [
        ["notes.txt", "not-an-image", "Not a PNG, JPEG or DICOM file.", "1", ""],
        [
            "covid/damaged.png",
            "damaged",
            "The file is damaged or cut short. Please export the radiograph again.",
            "1",
            "",
        ],
    ]


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_a_files_name_is_no_formula_in_a_spreadsheet(name: str) -> None:
    reasons = [{"reason": "mask", "count": 1, "examples": [name], "details": {name: 1}}]

    lines = list(exclusions.lines(reasons, [ImportedFile(path=name, code="damaged")]))

    cells = [row[0] for row in csv.reader(lines[1:])]
    assert cells == [f"'{name}", f"'{name}"]


def test_many_bad_radiographs_are_shown_a_page_at_a_time(
    collection: Path, look_at: LookAt, client_of: Client
) -> None:
    found = look_at(collection)
    ImportedFile.objects.bulk_create(
        ImportedFile(
            importing=found,
            place=100 + k,
            path=f"bad-{k:03d}.png",
            finding="normal",
            patient_ref="x",
            ending="refused",
            code="damaged",
        )
        for k in range(60)
    )
    address = reverse("imports:import", args=[found.pk])

    first = client_of.get(address).content.decode()
    second = client_of.get(f"{address}?page=2").content.decode()

    assert "bad-049.png" in first
    assert "bad-050.png" not in first
    assert "bad-050.png" in second


def test_an_administrator_of_another_site_sees_nothing_of_an_import(
    collection: Path, look_at: LookAt, other_site: Site
) -> None:
    found = look_at(collection)
    client = logged_in(employ("elsewhere", Role.ADMINISTRATOR, other_site))

    assert client.get(reverse("imports:import", args=[found.pk])).status_code == 404
    assert client.get(reverse("imports:left-out", args=[found.pk])).status_code == 404
    assert str(found.pk) not in client.get(reverse("imports:imports")).content.decode()


def test_markup_in_a_files_name_stays_words(homes: Path, look_at: LookAt, client_of: Client) -> None:
    folder = lay_tree(homes / "imports" / "odd")
    (folder / "covid" / "<img src=x onerror=alert(1)>.txt").write_text("x")

    page = client_of.get(reverse("imports:import", args=[look_at(folder).pk])).content.decode()

    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
