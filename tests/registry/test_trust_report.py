"""The trust report of a version: its checks on the version page, and its own page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.registry.models import ModelVersion
from tests.registry.conftest import Register

PAGE = "<!doctype html><title>Trust report</title><svg></svg>"
CHECKS = [{"status": status} for status in ("PASS", "PASS", "WARN", "FAIL", "NOT_POSSIBLE")]


def _write_report(
    version: ModelVersion,
    bundle_store: Path,
    failed: Sequence[str] = ("B1",),
    checks: Sequence[dict[str, Any]] = CHECKS,
) -> None:
    report = {"verdict": "research only", "failed": failed, "checks": checks}
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


def test_the_report_is_a_page_of_the_site_with_contents_and_figures(
    register: Register, bundle_store: Path, client: Client
) -> None:
    version = register()
    _write_report(version, bundle_store)
    page = client.get(reverse("registry:trust-report", args=[version.pk])).content.decode()
    assert "<title>Trust report of v1 - Readroom</title>" in page
    assert 'href="#figures"' in page
    assert reverse("registry:trust-figure", args=[version.pk, 0, "dark"]) in page


def test_a_figure_is_sandboxed_without_scripts(
    register: Register, bundle_store: Path, client: Client
) -> None:
    version = register()
    _write_report(version, bundle_store)
    response = client.get(reverse("registry:trust-figure", args=[version.pk, 0, "light"]))
    policy = {part.split()[0]: part.split()[1:] for part in response["Content-Security-Policy"].split(";")}
    assert response["Content-Type"] == "image/svg+xml"
    assert policy["default-src"] == ["'none'"]
    assert policy["sandbox"] == []
    assert "script-src" not in policy


@pytest.mark.parametrize(("number", "theme"), [(1, "dark"), (0, "blue")])
def test_a_figure_that_does_not_exist_is_not_found(
    register: Register, bundle_store: Path, client: Client, number: int, theme: str
) -> None:
    version = register()
    _write_report(version, bundle_store)
    assert client.get(reverse("registry:trust-figure", args=[version.pk, number, theme])).status_code == 404


def test_a_check_that_fails_because_it_is_not_possible_says_so_in_its_row(
    register: Register, bundle_store: Path, client: Client
) -> None:
    version = register()
    row = {"id": "B4", "name": "Held-out source", "status": "NOT_POSSIBLE", "blocking": True}
    _write_report(version, bundle_store, failed=["B4"], checks=[row])
    for page in ("version", "trust-report"):
        text = client.get(reverse(f"registry:{page}", args=[version.pk])).content.decode()
        assert "fail: not possible" in text
    assert (
        "0 checks passed, 0 passed with a warning, 0 not possible."
        in client.get(reverse("registry:version", args=[version.pk])).content.decode()
    )


def test_a_source_is_shown_by_the_name_of_its_site(
    register: Register, bundle_store: Path, client: Client, site: Site
) -> None:
    version = register()
    row = {"id": "B4", "name": "Held-out source", "status": "FAIL"}
    _write_report(
        version, bundle_store, failed=["B4"], checks=[row | {"summary": f"Trained without {site.pk} only."}]
    )
    (bundle_store / version.bundle / "trust_report.html").write_text(
        f"<svg><text>{site.pk}</text><text>candidate: 12 radiographs</text></svg>"
    )
    page = client.get(reverse("registry:trust-report", args=[version.pk])).content.decode()
    figure = client.get(reverse("registry:trust-figure", args=[version.pk, 0, "dark"])).content.decode()
    assert f"Trained without {site.name} only." in page
    assert figure == f"<svg><text>{site.name}</text><text>v1: 12 radiographs</text></svg>"


def test_an_interval_is_shown_from_30_radiographs_on(
    register: Register, bundle_store: Path, client: Client
) -> None:
    version = register()
    row = {"id": "C2", "name": "Operating point", "status": "WARN", "value": 1.0, "ci": [0.2, 0.9]}
    for n, shown in ((29, False), (30, True)):
        _write_report(version, bundle_store, failed=[], checks=[row | {"n": n}])
        page = client.get(reverse("registry:trust-report", args=[version.pk])).content.decode()
        assert ("[0.200, 0.900]" in page) == shown


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
