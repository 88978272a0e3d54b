"""A temporary bundle store, and versions to register in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.registry import services
from diagnostics.registry.models import ModelVersion
from ml.trust.report_files import JSON
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

    def _register(
        verdict: str = "accept",
        *,
        comparison: dict[str, Any] | None = None,
        report: dict[str, Any] | None = None,
        metrics: dict[str, Any] | None = None,
        by: User | None = None,
    ) -> ModelVersion:
        number = len(bundles)
        bundles.append(stub_bundle(tmp_path / f"trained-{number}", weights=bytes([number])))
        if report is not None:
            (bundles[-1] / JSON).write_text(json.dumps(report))
        return services.register_candidate(
            bundle=bundles[-1],
            comparison=comparison or {},
            verdict=verdict,
            verdict_reason="A reason.",
            metrics=metrics,
            parent=None,
            by=by,
            now=now,
        )

    return _register


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
