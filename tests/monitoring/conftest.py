"""Finished predictions of drawn radiographs; an active version and a candidate in a temporary store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring.models import ShadowRun
from diagnostics.monitoring.services import shadow
from diagnostics.registry import services as registry
from diagnostics.registry.models import ModelVersion
from ml.images.input_measures import input_measures
from tests.cases.conftest import api_client, messages, registered, send_radiograph, version
from tests.monitoring.shadow import add_case, classify
from tests.radiographs import radiograph_grey
from tests.registry.stub_bundle import stub_bundle

__all__ = ["api_client", "messages", "registered", "send_radiograph", "version"]

Store = Callable[..., Prediction]


@cache
def measures_of(seed: int, *, inverted: bool = False) -> dict[str, float]:
    """Return the measures of a drawn radiograph, of its own brightness as another exposure gives it."""
    grey = (radiograph_grey(seed, (64, 64)) ** np.random.default_rng(seed).uniform(0.7, 1.4)).astype(
        np.float32
    )
    return input_measures(1 - grey if inverted else grey)


@pytest.fixture
def store(site: Site, technician: User, version: ModelVersion, now: datetime) -> Store:
    """Return a function that stores a case and its finished prediction."""

    def stored(seed: int, *, at: datetime = now, of: Site = site, **changes: Any) -> Prediction:
        case = Case.objects.create(site=of, patient_ref=f"P-{seed}", opened_by=technician, opened_at=at)
        strata = {name: changes.pop(name, default) for name, default in STRATA}
        sha = f"{uuid4().hex}{uuid4().hex}"
        files = {"original": "a", "display": "b", "file_sha256": sha, "pixel_sha256": sha}
        size = {"width": 64, "height": 64, "bits": 8, "source_format": "PNG"}
        Radiograph.objects.create(case=case, site=of, **files, **size, **strata)
        return Prediction.objects.create(**result(seed, at) | {"case": case, "version": version} | changes)

    return stored


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


STRATA = (("view", "PA"), ("sex", "F"), ("age", 63), ("device", ""))


def result(seed: int, at: datetime) -> dict[str, Any]:
    """Return the columns of a finished prediction."""
    score = float(np.random.default_rng(seed).beta(1, 4))
    return {
        "status": JobStatus.DONE,
        "queued_at": at - timedelta(seconds=3),
        "started_at": at - timedelta(seconds=1),
        "finished_at": at,
        "probabilities": {"covid-19": score, "pneumonia": 0.0, "normal": 1 - score},
        "operating_points": {"covid-19": 0.4, "pneumonia": 0.5, "normal": 0.5},
        "finding": "covid-19" if score > 0.5 else "normal",
        "outcome": "finding",
        "out_of_distribution": {"knn": {"value": 0.1 + score / 10, "limit": 0.3}},
        "input_measures": measures_of(seed),
    }
