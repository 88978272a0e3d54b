"""A shelf of its own for every test, and versions to put on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from diagnostics.registry import services
from diagnostics.registry.models import ModelVersion
from tests.registry.paper_bundle import paper_bundle

Register = Callable[..., ModelVersion]


@pytest.fixture
def shelf(tmp_path: Path, settings: Settings) -> Path:
    settings.BUNDLES = tmp_path / "bundles"
    return tmp_path / "bundles"


@pytest.fixture
def register(shelf: Path, tmp_path: Path, now: datetime, db: None) -> Register:
    """Register one more version; its verdict is accept unless said otherwise."""
    made: list[Path] = []

    def _register(verdict: str = "accept") -> ModelVersion:
        made.append(paper_bundle(tmp_path / f"trained-{len(made)}", weights=bytes([len(made)])))
        return services.register_candidate(
            bundle=made[-1],
            comparison={},
            verdict=verdict,
            verdict_reason="A reason.",
            parent=None,
            by=None,
            now=now,
        )

    return _register
