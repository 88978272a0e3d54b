"""The trust report of a version: its summary on the version page, and its own sandboxed page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.registry.models import ModelVersion
from tests.registry.conftest import Register

PAGE = "<!doctype html><title>Trust report</title><p>Validity of the metrics"


def _write_report(version: ModelVersion, bundle_store: Path, verdict: str = "research only") -> None:
    statuses = ["PASS", "PASS", "WARN", "FAIL", "NOT_POSSIBLE"]
    report = {"verdict": verdict, "failed": ["B1"], "checks": [{"status": status} for status in statuses]}
    (bundle_store / version.bundle / "trust_report.json").write_text(json.dumps(report))
    (bundle_store / version.bundle / "trust_report.html").write_text(PAGE)


@pytest.fixture
def client(technician: User) -> Client:
    client = Client()
    client.force_login(technician)
    return client


def test_the_version_page_shows_the_verdict_of_the_trust_report(
    register: Register, bundle_store: Path, client: Client
) -> None:
    version = register()
    _write_report(version, bundle_store)
    page = client.get(reverse("registry:version", args=[version.pk])).content.decode()
    assert "Research only: a blocking check failed" in page
    assert "2 checks passed, 1 passed with a warning, 1 not possible." in page
    assert reverse("registry:trust-report", args=[version.pk]) in page


def test_the_report_page_is_sandboxed_without_scripts(
    register: Register, bundle_store: Path, client: Client
) -> None:
    version = register()
    _write_report(version, bundle_store)
    response = client.get(reverse("registry:trust-report", args=[version.pk]))
    policy = {part.split()[0]: part.split()[1:] for part in response["Content-Security-Policy"].split(";")}
    assert response.content.decode() == PAGE
    assert policy["default-src"] == ["'none'"]
    assert policy["sandbox"] == []
    assert "script-src" not in policy


def test_a_version_without_a_trust_report_is_shown_as_such(register: Register, client: Client) -> None:
    version = register()
    page = client.get(reverse("registry:version", args=[version.pk])).content.decode()
    assert "This version has no trust report." in page
    assert client.get(reverse("registry:trust-report", args=[version.pk])).status_code == 404


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"verdict": "passed"}', '{"checks": 1, "failed": 2}'])
def test_a_damaged_trust_report_is_treated_as_missing(
    register: Register, bundle_store: Path, client: Client, text: str
) -> None:
    version = register()
    (bundle_store / version.bundle / "trust_report.json").write_text(text)
    page = client.get(reverse("registry:version", args=[version.pk])).content.decode()
    assert "This version has no trust report." in page


def test_anonymous_users_cannot_see_the_trust_report(register: Register, bundle_store: Path) -> None:
    version = register()
    _write_report(version, bundle_store)
    assert Client().get(reverse("registry:trust-report", args=[version.pk])).status_code == 302
