"""Uploads by the API."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from tests.cases.conftest import Login
from tests.radiographs import radiograph_dicom, radiograph_png

LIST = "/api/v1/cases/"
SERVER = "http://testserver"
RESEARCH_USE = "Research use only. Not for diagnosis."


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def radiograph(content: bytes | None = None, name: str = "radiograph.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, radiograph_png() if content is None else content)


def send(client: Client, **changed: Any) -> Any:
    upload = {"radiograph": radiograph(), "patient_ref": "P-1"} | changed
    return client.post(LIST, {name: value for name, value in upload.items() if value is not None})


def detail(case: Case) -> str:
    return f"{LIST}{case.pk}/"


def test_the_list_url_is_that_of_api_version_1(db: None):
    assert reverse("api-case-list") == LIST


def test_an_upload_returns_the_id_status_and_url_of_its_case(technician: User, api_client: Login):
    response = send(
        api_client(technician),
        accession_number="A-1",
        view="PA",
        priority="stat",
        radiograph=radiograph(radiograph_dicom()),
    )

    case = Case.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": str(case.pk),
        "status": "queued",
        "url": f"{SERVER}{detail(case)}",
        "existing": False,
    }
    assert (case.accession_number, case.radiograph.view, case.priority) == ("A-1", "PA", "stat")


def test_a_second_upload_of_the_same_radiograph_returns_the_same_case(technician: User, api_client: Login):
    client = api_client(technician)
    first = send(client)

    again = send(client)

    assert again.status_code == 200
    assert again.json() == first.json() | {"existing": True}
    assert Case.objects.count() == 1


def test_a_radiograph_of_another_patient_is_a_conflict_that_reveals_no_patient(
    technician: User, api_client: Login
):
    client = api_client(technician)
    send(client, patient_ref="CANARY-1")

    response = send(client, patient_ref="P-2")

    assert response.status_code == 409
    assert response.json()["code"] == "radiograph_of_another_patient"
    assert "CANARY" not in response.content.decode()
    assert str(Case.objects.get().pk) not in response.content.decode()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"radiograph": radiograph(b"")}, "empty_file"),
        ({"radiograph": radiograph(b"GIF89a")}, "unknown_format"),
        ({"radiograph": radiograph(radiograph_png()[:3000])}, "damaged"),
        ({"patient_ref": "  "}, "patient_ref_missing"),
        ({"patient_ref": "x" * 65}, "patient_ref_unusable"),
        ({"accession_number": "x" * 65}, "accession_number_unusable"),
        ({"radiograph": None}, "invalid"),
        ({"patient_ref": None}, "patient_ref_missing"),
        ({"view": "oblique"}, "invalid"),
        ({"priority": "now"}, "invalid"),
        ({"radiograph": "text, not a file"}, "invalid"),
    ],
)
def test_an_invalid_upload_is_refused_with_its_code(
    changed: dict[str, Any], code: str, technician: User, api_client: Login
):
    if isinstance(changed.get("radiograph"), SimpleUploadedFile):
        changed["radiograph"].seek(0)

    response = send(api_client(technician), **changed)

    assert response.status_code == 400
    assert response.json()["code"] == code
    assert response.json()["detail"]
    assert not Case.objects.exists()


def test_a_file_over_64_megabytes_is_refused_before_it_is_read(technician: User, api_client: Login):
    response = send(api_client(technician), radiograph=radiograph(radiograph_png() + b"\0" * 64 * 2**20))

    assert response.status_code == 400
    assert response.json()["code"] == "too_large"


def test_a_request_of_three_gigabytes_is_refused_unread(technician: User, api_client: Login):
    class Endless(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("the body was read")

    body: dict[str, Any] = {"wsgi.input": Endless(), "CONTENT_LENGTH": str(3 * 2**30)}
    response = api_client(technician).generic(
        "POST", LIST, b"", content_type="multipart/form-data; boundary=x", **body
    )

    assert response.status_code == 400
    assert response.json()["code"] == "too_large"


def test_an_upload_without_a_token_stores_nothing(db: None):
    assert send(Client()).status_code == 401
    assert not Case.objects.exists()


def test_an_upload_as_json_is_refused_with_415(technician: User, api_client: Login):
    response = api_client(technician).post(LIST, {"patient_ref": "P-1"}, content_type="application/json")

    assert response.status_code == 415
