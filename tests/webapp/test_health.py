"""The health page: the state of each component, and nothing confidential."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.test import Client

from diagnostics.registry.models import ModelVersion, Promotion


def test_a_missing_active_version_is_unhealthy(client: Client, db: None) -> None:
    response = client.get("/health/")

    assert response.status_code == 503
    assert response.json() == {
        "status": "unhealthy",
        "components": {"database": "ok", "broker": "ok", "model": "no active version", "disk": "ok"},
    }


def test_an_active_version_without_files_is_reported(client: Client, db: None, now: datetime) -> None:
    version = ModelVersion.objects.create(
        number=1, bundle="gone", weights_sha256="0" * 64, manifest={}, registered_at=now
    )
    Promotion.objects.create(version=version, reason="for a test", since=now)

    assert client.get("/health/").json()["components"]["model"] == "files missing"


def test_a_missing_broker_folder_is_reported(client: Client, db: None, settings: Any, tmp_path: Path) -> None:
    options = {"data_folder_in": str(tmp_path / "nowhere")}
    settings.CELERY = settings.CELERY | {"broker_transport_options": options}

    assert client.get("/health/").json()["components"]["broker"] == "unreachable"


def test_an_unreachable_redis_is_reported_without_its_url(client: Client, db: None, settings: Any) -> None:
    settings.BROKER_URL = "redis://user:pass-word@127.0.0.1:1/0"

    response = client.get("/health/")

    assert response.json()["components"]["broker"] == "unreachable"
    assert b"pass-word" not in response.content


def test_post_is_not_allowed(client: Client, db: None) -> None:
    assert client.post("/health/").status_code == 405
