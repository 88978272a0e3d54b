"""Versions on record, and a way to send radiographs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission
from diagnostics.registry.models import ModelVersion, Promotion
from tests.radiographs import radiograph_png

SendRadiograph = Callable[..., Case]


@pytest.fixture
def version(db: None, now: datetime) -> ModelVersion:
    """Give a version in force, without its files."""
    return active_version(registered(1, now), now)


@pytest.fixture
def next_version(version: ModelVersion, now: datetime) -> ModelVersion:
    """Give a second version, in force instead of the first."""
    return active_version(registered(2, now), now)


def registered(number: int, now: datetime) -> ModelVersion:
    """Put a version on record."""
    name = f"v{number}"
    return ModelVersion.objects.create(
        number=number, bundle=name, weights_sha256="0" * 64, manifest={"version": name}, registered_at=now
    )


def active_version(version: ModelVersion, now: datetime) -> ModelVersion:
    """Bring a version into force instead of whichever was."""
    Promotion.objects.filter(active=True).update(active=False, until=now)
    Promotion.objects.create(version=version, reason="for a test", since=now)
    return version


@pytest.fixture
def send_radiograph(technician: User, now: datetime) -> SendRadiograph:
    """Give a way to send drawn radiographs; each seed is another radiograph."""

    def send(seed: int = 0, *, by: User = technician, at: datetime = now, **order: Any) -> Case:
        order = {"patient_ref": f"P-{seed}"} | order
        return admission.open_case(radiograph=radiograph_png(seed), by=by, now=at, **order).case

    return send
