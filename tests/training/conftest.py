"""Signed radiographs for training, and an active version to start from."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from django.test import Client
from PIL import Image
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Case, Radiograph
from diagnostics.registry import services as registry_services
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Reading
from diagnostics.review.services.consensus import update_consensus
from diagnostics.training.models import TrainingRun, Trigger
from diagnostics.training.policy import Parameters
from diagnostics.training.services import run_control
from tests.radiographs import radiograph_grey
from tests.registry.stub_bundle import stub_bundle

NORMAL_SEED = 220  # of the first normal radiograph: from here no two of either finding are near-duplicates
LONG = Parameters.of("vgg16-finetune", epochs=100, batch_size=8)
FINE_TUNE = Parameters.of("vgg16-finetune", epochs=3, batch_size=8, learning_rate=0.003)


class Sign(Protocol):
    def __call__(
        self, finding: str, *, patient: str = "", content: bytes | None = None, at: datetime | None = None
    ) -> Reading: ...


@pytest.fixture
def data_folders(tmp_path: Path, settings: Settings) -> Path:
    settings.BUNDLES = tmp_path / "bundles"
    settings.RUNS = tmp_path / "runs"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.INCOMING = tmp_path / "incoming"
    return tmp_path


@pytest.fixture
def active_version(data_folders: Path, settings: Settings, now: datetime, db: None) -> ModelVersion:
    settings.DEFAULT_BUNDLE = stub_bundle(data_folders / "default")
    version = registry_services.adopt_default(now=now)
    assert version is not None
    return version


@pytest.fixture
def sign(data_folders: Path, site: Site, radiologist: User, now: datetime) -> Sign:
    """Return a function that stores a signed radiograph, by default of a new patient."""
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
def sign_required(sign: Sign) -> Callable[[], None]:
    """Return a function that signs the minimum number of radiographs for a run."""

    def _sign_required() -> None:
        for finding in ("covid-19", "normal"):
            for _ in range(5):
                sign(finding)

    return _sign_required


@pytest.fixture
def signed_radiographs(active_version: ModelVersion, sign: Sign) -> None:
    """Sign eight radiographs of each of two findings."""
    sign_two_findings(sign)


def sign_two_findings(sign: Sign) -> None:
    for seed in range(8):
        sign("covid-19", content=drawn_radiograph(seed, opacity=True))
        sign("normal", content=drawn_radiograph(NORMAL_SEED + seed, opacity=False))


def drawn_radiograph(seed: int, *, opacity: bool) -> bytes:
    """Draw a chest radiograph, optionally with opacities of both lungs."""
    grey = radiograph_grey(seed, (96, 96))
    if opacity:
        grey[24:72, 18:78] = 0.5 + grey[24:72, 18:78] / 2
    out = io.BytesIO()
    Image.fromarray((grey * 65535).round().astype(np.uint16)).save(out, "PNG")
    return out.getvalue()


def queue_run(
    by: User, now: datetime, parameters: Parameters = FINE_TUNE, *, leak_reason: str = ""
) -> TrainingRun:
    return run_control.start_run(
        by=by, parameters=parameters, trigger=Trigger.MANUAL, now=now, leak_reason=leak_reason
    )


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
