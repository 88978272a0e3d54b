"""A ward with two patients: tests erase or export one of them, and the other must stay as it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from tests.privacy.patients import Patient, Ward

REFERENCE = "CANARY-4711"


@pytest.fixture
def ward(
    site: Site,
    radiologist: User,
    administrator: User,
    now: datetime,
    settings: Settings,
    tmp_path: Path,
) -> Ward:
    settings.MEDIA_ROOT, settings.RUNS = tmp_path / "media", tmp_path / "runs"
    settings.STAGED = tmp_path / "staged"
    return Ward(site, radiologist, administrator, now)


@pytest.fixture
def patient(ward: Ward) -> Patient:
    return ward.admit(REFERENCE)


@pytest.fixture
def other_patient(ward: Ward) -> Patient:
    return ward.admit("MRN-2")
