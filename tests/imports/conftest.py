"""Small collections on a server whose folders are thrown away."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.imports import pipeline
from diagnostics.imports.models import Import
from diagnostics.imports.options import ImportOptions
from diagnostics.imports.services import import_control, scans
from diagnostics.registry import services as registrar
from diagnostics.registry.models import ModelVersion
from tests.radiographs import radiograph_png
from tests.registry.paper_bundle import paper_bundle

SMALL = (80, 80)
LookAt = Callable[..., Import]
Run = Callable[[Import], Import]


@pytest.fixture
def homes(tmp_path: Path, settings: Settings) -> Path:
    settings.MEDIA_ROOT, settings.INCOMING = tmp_path / "media", tmp_path / "incoming"
    settings.IMPORTS = tmp_path / "imports"
    settings.IMPORTS.mkdir()
    return tmp_path


@pytest.fixture
def active_version(homes: Path, settings: Settings, now: datetime, db: None) -> ModelVersion:
    settings.BUNDLES = homes / "bundles"
    settings.DEFAULT_BUNDLE = paper_bundle(homes / "default")
    version = registrar.adopt_default(now=now)
    assert version is not None
    return version


@pytest.fixture
def collection(homes: Path) -> Path:
    """Lay a tree of two normal radiographs, two of COVID-19, a note and a damaged radiograph."""
    return lay_tree(homes / "imports" / "trees")


@pytest.fixture
def look_at(homes: Path, site: Site, administrator: User, now: datetime) -> LookAt:
    def _look(place: Path, **wishes: object) -> Import:
        return scans.scan_path(
            collection=place,
            origin=place.name,
            wishes=ImportOptions(**wishes),  # type: ignore[arg-type]
            site=site,
            by=administrator,
            now=now,
        )

    return _look


@pytest.fixture
def run(administrator: User, now: datetime) -> Run:
    """Bring an import in, as a worker would, slice by slice."""

    def _run(importing: Import) -> Import:
        import_control.start_import(importing=importing, by=administrator, now=now)
        while pipeline.import_batch(importing.pk, clock=lambda: now):
            pass
        importing.refresh_from_db()
        return importing

    return _run


def lay_tree(folder: Path, *, seed: int = 0) -> Path:
    radiographs = {
        "normal/a.png": radiograph_png(seed + 1, SMALL),
        "normal/b.png": radiograph_png(seed + 2, SMALL),
        "covid/c.png": radiograph_png(seed + 3, SMALL),
        "covid/d.png": radiograph_png(seed + 4, SMALL),
        "covid/damaged.png": radiograph_png(seed + 5, SMALL)[:100],
        "covid/notes.txt": b"not a radiograph",
    }
    for name, content in radiographs.items():
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
