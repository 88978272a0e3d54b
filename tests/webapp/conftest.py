"""Fixtures of the tests of access."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from diagnostics.accounts.models import User
from tests.webapp.access_objects import AccessObjects, create_access_objects


@pytest.fixture
def objects(
    technician: User,
    radiologist: User,
    administrator: User,
    tmp_path: Path,
    settings: Settings,
    now: datetime,
) -> AccessObjects:
    """Return one object of each kind at the site of the staff."""
    return create_access_objects(
        technician=technician,
        radiologist=radiologist,
        administrator=administrator,
        home=tmp_path,
        settings=settings,
        now=now,
    )
