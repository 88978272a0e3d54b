"""All decoding slots in use: uploads and full-depth images are answered with 503 and Retry-After."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.cases import storage, upload_validation
from diagnostics.cases.models import Case
from tests.cases.conftest import SendRadiograph
from tests.radiographs import radiograph_png

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_slot(settings: Settings, tmp_path: Path) -> None:
    settings.DECODING_SLOTS, settings.DECODING_WAIT = 1, 0
    settings.DECODING_SLOTS_FOLDER = tmp_path / "decoding"
    settings.MEDIA_ROOT = tmp_path / "media"


@contextmanager
def all_slots_in_use() -> Iterator[None]:
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with upload_validation.decoding_slot():
            taken.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    yield
    done.set()
    thread.join()


def files() -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile("a.png", radiograph_png(1))]


def test_the_api_answers_busy_and_accepts_the_repeated_upload(technician: User) -> None:
    client = Client()
    client.force_login(technician)
    upload = {"patient_ref": "P-1"}
    with all_slots_in_use():
        response = client.post("/api/v1/cases/", upload | {"radiograph": files()[0]})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.json()["code"] == "busy"
    assert not Case.objects.exists()
    assert client.post("/api/v1/cases/", upload | {"radiograph": files()[0]}).status_code == 201


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_the_upload_page_answers_busy(accept: str, technician: User) -> None:
    client = Client()
    client.force_login(technician)
    form = {"patient_ref": "P-1", "accession_number": "", "view": "", "priority": "routine"}
    with all_slots_in_use():
        response = client.post("/cases/upload/", {**form, "radiographs": files()}, headers={"Accept": accept})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "busy" in response.content.decode()
    assert not Case.objects.exists()


def test_full_depth_pixels_answer_busy_until_they_are_packed(
    radiologist: User, send_radiograph: SendRadiograph
) -> None:
    case, client = send_radiograph(1), Client()
    client.force_login(radiologist)
    storage.path(storage.radiograph_files(case.radiograph.pk).depth).unlink(missing_ok=True)
    address = f"/cases/{case.pk}/radiograph.pixels"
    with all_slots_in_use():
        response = client.get(address)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert client.get(address).status_code == 200
