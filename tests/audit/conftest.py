"""Fixtures of the tests of the audit log."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def _own_anchor(settings: Settings, tmp_path: Path) -> None:
    """Store the anchor of each test in a folder of its own."""
    settings.READROOM_HOME = tmp_path
