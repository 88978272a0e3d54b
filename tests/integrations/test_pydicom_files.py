"""Every test file of pydicom is accepted, or refused with a code, by STOW-RS and by the upload API.

With READROOM_WRITE_DOCUMENTS the table of docs/pydicom_files.md is written in place of the comparison.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.accounts.services.tokens import create_token
from diagnostics.cases import upload_validation
from tests.integrations.conftest import ROOT
from tests.integrations.pydicom_files import DOCUMENT, files, section, with_section

CODES = {*upload_validation.REASONS, "not_dicom", "patient_ref_missing", "sop_instance_reused"}
CODES |= {"radiograph_of_another_patient", "patient_mismatch"}
Send = Callable[[Client, bytes], str]


def stow(client: Client, content: bytes) -> str:
    """Send a file by STOW-RS; return "accepted" or the code of the refusal."""
    body = b"--limit\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--limit--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=limit'
    response = client.post(f"{ROOT}/studies", body, content_type=kind)
    assert response.status_code in (200, 409), response.content
    answer = response.json()
    return "accepted" if response.status_code == 200 else _private_code(answer)


def _private_code(answer: dict[str, Any]) -> str:
    (item,) = (answer.get("00081198") or answer["0008119A"])["Value"]
    return str(item["00091001"]["Value"][0])


def upload(client: Client, content: bytes) -> str:
    """Send a file through the upload API for the patient of the file, or else P-1."""
    fields = {"radiograph": SimpleUploadedFile("file", content), "patient_ref": "P-1", "use": "file"}
    response = client.post("/api/v1/cases/", fields | {"reason": "the file is right"})
    assert response.status_code in (200, 201, 400, 409), response.content
    return "accepted" if response.status_code < 300 else str(response.json()["code"])


def outcome(send: Send, client: Client, path: Path) -> str:
    """Return what becomes of a file; the next one finds the database as before."""
    with transaction.atomic():
        code = send(client, path.read_bytes())
        transaction.set_rollback(True)
    assert code == "accepted" or code in CODES, (path.name, code)
    return code


@pytest.mark.parametrize(
    "package",
    [
        pytest.param("pydicom", marks=pytest.mark.slow),
        pytest.param("pydicom-data", marks=pytest.mark.nightly),
    ],
)
def test_every_file_is_accepted_or_refused_with_a_code(package: str, technician: User):
    key = create_token(by=technician, now=timezone.now())
    client = Client(headers={"Authorization": f"Token {key}"}, enforce_csrf_checks=True)

    outcomes = {
        name: (outcome(stow, client, path), outcome(upload, client, path)) for name, path in files(package)
    }

    found = section(package, outcomes)
    if os.environ.get("READROOM_WRITE_DOCUMENTS"):
        DOCUMENT.write_text(with_section(package, outcomes))
    assert found in DOCUMENT.read_text()
    assert [codes for codes in outcomes.values() if "accepted" in codes]
