"""Thumbnails of lists: small, access-checked, private, made once and deleted with the radiograph."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import selectors, storage
from diagnostics.cases.models import Case, DamagedFile
from diagnostics.cases.services.sweep import sweep
from tests.cases.conftest import SendRadiograph


@pytest.fixture
def case(send_radiograph: SendRadiograph) -> Case:
    return send_radiograph(1)


@pytest.fixture
def member(client: Client, technician: User) -> Client:
    client.force_login(technician)
    return client


def address(case: Case) -> str:
    return reverse("cases:thumbnail", args=[case.pk])


def file_of(case: Case) -> Path:
    return storage.path(storage.radiograph_files(case.radiograph.pk).thumbnail)


def pixels_of(image: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(image)).convert("L"), dtype=np.float64)


def test_a_thumbnail_is_the_display_image_reduced_to_96_pixels(member: Client, case: Case) -> None:
    response = member.get(address(case))
    full = Image.open(io.BytesIO(member.get(reverse("cases:radiograph", args=[case.pk])).content))
    expected = np.asarray(full.resize((96, 96), Image.Resampling.BOX), dtype=np.float64)

    assert response["Content-Type"] == "image/jpeg"
    assert pixels_of(response.content).shape == (96, 96)
    assert np.corrcoef(pixels_of(response.content).ravel(), expected.ravel())[0, 1] > 0.99
    assert len(response.content) < 8_000


def test_a_thumbnail_is_made_once_and_belongs_to_the_row(member: Client, case: Case) -> None:
    first = member.get(address(case)).content
    storage.path(case.radiograph.display).unlink()

    assert member.get(address(case)).content == first
    case.radiograph.refresh_from_db()
    assert file_of(case) in [
        storage.path(file.name) for file in selectors.files_of_radiograph(case.radiograph)
    ]


def test_a_damaged_thumbnail_is_made_again(member: Client, case: Case) -> None:
    first = member.get(address(case)).content
    file_of(case).write_bytes(first[:100])

    assert member.get(address(case)).content == first
    assert not DamagedFile.objects.exists()


def test_no_browser_stores_a_thumbnail_and_it_is_no_audited_view(member: Client, case: Case) -> None:
    response = member.get(address(case))

    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert not AuditEvent.objects.filter(action=Action.IMAGE_VIEWED).exists()


def test_the_sweeper_keeps_the_thumbnail_of_a_radiograph_and_deletes_one_without(
    member: Client, case: Case, now: datetime
) -> None:
    member.get(address(case))
    stray = file_of(case).with_name("0a1b2c3d-0000-4000-8000-000000000001.thumbnail.jpg")
    stray.write_bytes(b"stray")

    sweep(older_than=timedelta(0), now=now + timedelta(days=3650))

    assert file_of(case).exists()
    assert not stray.exists()


def test_a_user_of_another_site_finds_no_thumbnail(client: Client, stranger: User, case: Case) -> None:
    client.force_login(stranger)
    assert client.get(address(case)).status_code == 404
