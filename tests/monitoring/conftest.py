"""An active version and a candidate in a temporary bundle store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Prediction
from diagnostics.monitoring.models import ShadowRun
from diagnostics.monitoring.services import shadow
from diagnostics.registry import services as registry
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import api_client, messages
from tests.monitoring.shadow import add_case, classify
from tests.registry.stub_bundle import stub_bundle

__all__ = ["api_client", "messages"]
REASON = "Better on the radiographs of our own site."
Classified = Callable[..., Prediction]


@pytest.fixture
def bundle_store(tmp_path: Path, settings: Settings) -> Path:
    settings.BUNDLES, settings.RUNS = tmp_path / "bundles", tmp_path / "runs"
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path


@pytest.fixture
def active(bundle_store: Path, settings: Settings, now: datetime, db: None) -> ModelVersion:
    settings.DEFAULT_BUNDLE = stub_bundle(bundle_store / "default")
    version = registry.adopt_default(now=now - timedelta(days=1))
    assert version is not None
    return version


@pytest.fixture
def candidate(bundle_store: Path, active: ModelVersion, now: datetime) -> ModelVersion:
    return register(bundle_store / "candidate", now, by=None)


def register(folder: Path, now: datetime, *, by: User | None, **values: Any) -> ModelVersion:
    """Register a candidate that passed the gate."""
    return registry.register_candidate(
        bundle=stub_bundle(folder, weights=folder.name.encode()),
        by=by,
        now=now,
        parent=None,
        **({"comparison": {}, "verdict": "accept", "verdict_reason": "A reason."} | values),
    )


@pytest.fixture
def run(candidate: ModelVersion, administrator: User, now: datetime) -> ShadowRun:
    """Return an open shadow run of the candidate."""
    return shadow.start(version=candidate, by=administrator, now=now)


@pytest.fixture
def classified(site: Site, technician: User, active: ModelVersion, now: datetime) -> Classified:
    """Return a function that stores a case which the active version has scored, a minute after `now`."""

    def store(covid: float = 0.9, *, case: Case | None = None, **columns: Any) -> Prediction:
        case = case or add_case(site, technician, now)
        version = columns.pop("version", active)
        at = columns.pop("at", now + timedelta(minutes=1))
        return classify(case, version, at, covid, **columns)

    return store
