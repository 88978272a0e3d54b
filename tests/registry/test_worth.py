"""The trust report of a version: its verdict on the card, and a page that can load and run nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.registry.models import ModelVersion
from tests.registry.conftest import Register

PAGE = "<!doctype html><title>Trust report</title><p>What the figures are worth"


def _reported(version: ModelVersion, shelf: Path, verdict: str = "research only") -> None:
    statuses = ["PASS", "PASS", "WARN", "FAIL", "NOT_POSSIBLE"]
    report = {"verdict": verdict, "failed": ["B1"], "checks": [{"status": each} for each in statuses]}
    (shelf / version.bundle / "trust_report.json").write_text(json.dumps(report))
    (shelf / version.bundle / "trust_report.html").write_text(PAGE)


@pytest.fixture
def client(technician: User) -> Client:
    client = Client()
    client.force_login(technician)
    return client


def test_the_card_says_what_the_figures_are_worth(register: Register, shelf: Path, client: Client) -> None:
    version = register()
    _reported(version, shelf)
    card = client.get(reverse("registry:version", args=[version.pk])).content.decode()
    assert "Research only: a check that blocks has failed" in card
    assert "2 checks passed, 1 ask for a closer look, 1 could not be made." in card
    assert reverse("registry:trust", args=[version.pk]) in card


def test_the_report_may_style_itself_and_do_nothing_else(
    register: Register, shelf: Path, client: Client
) -> None:
    version = register()
    _reported(version, shelf)
    answer = client.get(reverse("registry:trust", args=[version.pk]))
    policy = {part.split()[0]: part.split()[1:] for part in answer["Content-Security-Policy"].split(";")}
    assert answer.content.decode() == PAGE
    assert policy["default-src"] == ["'none'"]
    assert policy["sandbox"] == []
    assert "script-src" not in policy


def test_a_version_without_a_report_says_so(register: Register, client: Client) -> None:
    version = register()
    card = client.get(reverse("registry:version", args=[version.pk])).content.decode()
    assert "No trust report came with this version." in card
    assert client.get(reverse("registry:trust", args=[version.pk])).status_code == 404


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"verdict": "passed"}', '{"checks": 1, "failed": 2}'])
def test_a_damaged_report_counts_as_none(register: Register, shelf: Path, client: Client, text: str) -> None:
    version = register()
    (shelf / version.bundle / "trust_report.json").write_text(text)
    card = client.get(reverse("registry:version", args=[version.pk])).content.decode()
    assert "No trust report came with this version." in card


def test_a_stranger_does_not_see_it(register: Register, shelf: Path) -> None:
    version = register()
    _reported(version, shelf)
    assert Client().get(reverse("registry:trust", args=[version.pk])).status_code == 302
