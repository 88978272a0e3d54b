"""A temporary bundle store, and versions to register in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.registry import services
from diagnostics.registry.models import ModelVersion
from tests.registry.stub_bundle import stub_bundle

REASON = "Better on our own radiographs."
Register = Callable[..., ModelVersion]


@pytest.fixture
def bundle_store(tmp_path: Path, settings: Settings) -> Path:
    settings.BUNDLES = tmp_path / "bundles"
    return tmp_path / "bundles"


@pytest.fixture
def register(bundle_store: Path, tmp_path: Path, now: datetime, db: None) -> Register:
    """Return a function that registers a version; its verdict is "accept" by default."""
    bundles: list[Path] = []

    def _register(verdict: str = "accept") -> ModelVersion:
        number = len(bundles)
        bundles.append(stub_bundle(tmp_path / f"trained-{number}", weights=bytes([number])))
        return services.register_candidate(
            bundle=bundles[-1],
            comparison={},
            verdict=verdict,
            verdict_reason="A reason.",
            parent=None,
            by=None,
            now=now,
        )

    return _register


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
