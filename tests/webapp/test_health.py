"""The health page: what it says when a part is missing, and what it never says."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.test import Client

from diagnostics.registry.models import ModelVersion, Promotion


def test_without_a_model_in_force_it_is_unwell(client: Client, db: None) -> None:
    answer = client.get("/health/")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unwell",
        "parts": {"database": "ok", "broker": "ok", "model": "none in force", "disk": "ok"},
    }


def test_a_version_whose_files_are_gone_is_named(client: Client, db: None, now: datetime) -> None:
    version = ModelVersion.objects.create(
        number=1, bundle="gone", weights_sha256="0" * 64, manifest={}, registered_at=now
    )
    Promotion.objects.create(version=version, reason="for a test", since=now)

    assert client.get("/health/").json()["parts"]["model"] == "files missing"


def test_a_missing_broker_folder_is_named(client: Client, db: None, settings: Any, tmp_path: Path) -> None:
    options = {"data_folder_in": str(tmp_path / "nowhere")}
    settings.CELERY = settings.CELERY | {"broker_transport_options": options}

    assert client.get("/health/").json()["parts"]["broker"] == "unreachable"


def test_a_redis_that_is_away_is_named_without_its_address(client: Client, db: None, settings: Any) -> None:
    settings.BROKER_URL = "redis://user:pass-word@127.0.0.1:1/0"

    answer = client.get("/health/")

    assert answer.json()["parts"]["broker"] == "unreachable"
    assert b"pass-word" not in answer.content


def test_only_looking_is_allowed(client: Client, db: None) -> None:
    assert client.post("/health/").status_code == 405
