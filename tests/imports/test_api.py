"""The API of imports: scan a collection, start it, stop it, discard it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.accounts.services import tokens
from diagnostics.imports.models import Import
from diagnostics.registry.models import ModelVersion

BASE = "/api/v1/imports/"


@pytest.fixture
def admin(administrator: User) -> Client:
    key = tokens.create_token(by=administrator, now=timezone.now())
    return Client(headers={"Authorization": f"Token {key}"})


def scan(admin: Client, **body: object):
    return admin.post(BASE, body, content_type="application/json")


def test_a_collection_of_the_server_is_scanned_and_queued(
    admin: Client, collection: Path, active_version: ModelVersion
) -> None:
    assert admin.get(f"{BASE}collections/").json() == {"collections": ["trees"]}
    scanned = scan(admin, choice="trees").json()
    started = admin.post(f"{BASE}{scanned['id']}/start/")
    again = admin.post(f"{BASE}{scanned['id']}/start/")
    stopped = admin.post(f"{BASE}{scanned['id']}/stop/")

    counts = {row["finding"]: row["radiographs"] for row in scanned["findings"]}
    assert (scanned["status"], scanned["finished"], counts["normal"]) == ("scanned", True, 2)
    assert (started.status_code, started.json()["status"], started.json()["finished"]) == (
        202,
        "queued",
        False,
    )
    assert again.status_code in (400, 409)
    assert stopped.status_code == 202
    assert admin.get(BASE).json()["results"][0]["id"] == scanned["id"]


def test_a_scan_is_discarded(admin: Client, collection: Path) -> None:
    scanned = scan(admin, choice="trees").json()

    assert admin.post(f"{BASE}{scanned['id']}/discard/").status_code == 204
    assert not Import.objects.exists()


def test_a_collection_that_is_not_there_or_no_zip_is_refused(admin: Client, data_folders: Path) -> None:
    unknown = scan(admin, choice="../secret")
    nothing = scan(admin)
    damaged = admin.post(BASE, {"upload": SimpleUploadedFile("a.zip", b"no zip")})

    assert [each.status_code for each in (unknown, nothing, damaged)] == [400, 400, 400]
    assert "choice" in unknown.json()["errors"]
    assert not Import.objects.exists()
