"""Small collections in temporary import folders."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.imports import pipeline
from diagnostics.imports.models import Import
from diagnostics.imports.options import ImportOptions
from diagnostics.imports.services import import_control, scans
from diagnostics.registry import services as registry_services
from diagnostics.registry.models import ModelVersion
from tests.radiographs import radiograph_png
from tests.registry.stub_bundle import stub_bundle

SMALL = (80, 80)
Scan = Callable[..., Import]
RunImport = Callable[[Import], Import]


@pytest.fixture
def data_folders(tmp_path: Path, settings: Settings) -> Path:
    settings.MEDIA_ROOT, settings.INCOMING = tmp_path / "media", tmp_path / "incoming"
    settings.IMPORTS = tmp_path / "imports"
    settings.IMPORTS.mkdir()
    return tmp_path


@pytest.fixture
def active_version(data_folders: Path, settings: Settings, now: datetime, db: None) -> ModelVersion:
    settings.BUNDLES = data_folders / "bundles"
    settings.DEFAULT_BUNDLE = stub_bundle(data_folders / "default")
    version = registry_services.adopt_default(now=now)
    assert version is not None
    return version


@pytest.fixture
def collection(data_folders: Path) -> Path:
    """Create a folder tree of two normal radiographs, two of COVID-19, a text file and a damaged image."""
    return make_collection(data_folders / "imports" / "trees")


@pytest.fixture
def scan(data_folders: Path, site: Site, administrator: User, now: datetime) -> Scan:
    def _scan(path: Path, **options: object) -> Import:
        return scans.scan_path(
            collection=path,
            origin=path.name,
            options=ImportOptions(**options),  # type: ignore[arg-type]
            site=site,
            by=administrator,
            now=now,
        )

    return _scan


@pytest.fixture
def run_import(administrator: User, now: datetime) -> RunImport:
    """Start an import and run its batches as a worker does."""

    def _run(import_job: Import) -> Import:
        import_control.start_import(import_job=import_job, by=administrator, now=now)
        run_batches(import_job, now)
        import_job.refresh_from_db()
        return import_job

    return _run


def run_batches(import_job: Import, now: datetime) -> None:
    while pipeline.import_batch(import_job.pk, clock=lambda: now):
        pass


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_collection(folder: Path, *, seed: int = 0) -> Path:
    files = {
        "normal/a.png": radiograph_png(seed + 1, SMALL),
        "normal/b.png": radiograph_png(seed + 2, SMALL),
        "covid/c.png": radiograph_png(seed + 3, SMALL),
        "covid/d.png": radiograph_png(seed + 4, SMALL),
        "covid/damaged.png": radiograph_png(seed + 5, SMALL)[:100],
        "covid/notes.txt": b"not a radiograph",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()
