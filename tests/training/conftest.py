"""Signed radiographs to learn from, and a version in force to start from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Case, Radiograph
from diagnostics.registry import services as registrar
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Reading
from diagnostics.review.services.consensus import update_consensus
from tests.registry.paper_bundle import paper_bundle


class Sign(Protocol):
    def __call__(
        self, finding: str, *, patient: str = "", content: bytes | None = None, at: datetime | None = None
    ) -> Reading: ...


@pytest.fixture
def homes(tmp_path: Path, settings: Settings) -> Path:
    settings.BUNDLES = tmp_path / "bundles"
    settings.RUNS = tmp_path / "runs"
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path


@pytest.fixture
def active_version(homes: Path, settings: Settings, now: datetime, db: None) -> ModelVersion:
    settings.DEFAULT_BUNDLE = paper_bundle(homes / "default")
    version = registrar.adopt_default(now=now)
    assert version is not None
    return version


@pytest.fixture
def sign(homes: Path, site: Site, radiologist: User, now: datetime) -> Sign:
    """Put a signed radiograph on record; each is of another patient unless said otherwise."""
    numbers = count(1)

    def _sign(
        finding: str, *, patient: str = "", content: bytes | None = None, at: datetime | None = None
    ) -> Reading:
        number = next(numbers)
        case = Case.objects.create(
            site=site, patient_ref=patient or f"MRN-{number}", opened_by=radiologist, opened_at=now
        )
        radiograph = Radiograph.objects.create(
            case=case,
            site=site,
            original="",
            display="",
            file_sha256="",
            pixel_sha256=f"{number:064d}",
            width=256,
            height=256,
            bits=16,
            source_format="PNG",
        )
        if content is not None:
            path = cases.radiograph_path(radiograph)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        reading = Reading.objects.create(case=case, by=radiologist, finding=finding, signed_at=at or now)
        update_consensus(case, at or now)
        return reading

    return _sign


@pytest.fixture
def enough(sign: Sign) -> Callable[[], None]:
    """Sign just enough radiographs for a run."""

    def _enough() -> None:
        for finding in ("covid-19", "normal"):
            for _ in range(5):
                sign(finding)

    return _enough
