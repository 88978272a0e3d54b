"""The lock files contain every pinned requirement with hashes, and nothing that no requirement needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==(\S+)", re.MULTILINE)
ENTRY = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;]+)(.*?)(?=^[a-z0-9]|\Z)", re.MULTILINE | re.DOTALL)
LISTED = re.compile(r"-r (requirements[\w-]*\.txt)")
STALE = "{lock} is stale: run `make lock`"

LOCKS = {
    "requirements.lock": ("requirements.txt",),
    "requirements-dev.lock": ("requirements.txt", "requirements-dev.txt"),
    "requirements-audit.lock": ("requirements-audit.txt",),
}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_has_the_pinned_version_of_every_requirement(lock: str) -> None:
    locked = {name: version for name, version, _ in entries(lock)}

    assert {name: locked.get(name) for name in pins(lock)} == pins(lock), STALE.format(lock=lock)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_lists_no_removed_requirement(lock: str) -> None:
    direct = {name for name, _, rest in entries(lock) if LISTED.search(rest)}

    assert direct == set(pins(lock)), STALE.format(lock=lock)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_sha256_and_a_package_that_needs_it(lock: str) -> None:
    without = [name for name, _, rest in entries(lock) if "--hash=sha256:" not in rest or "# via" not in rest]

    assert entries(lock)
    assert not without


def test_the_development_environment_has_the_versions_of_production() -> None:
    production = {(name, version) for name, version, _ in entries("requirements.lock")}
    development = {(name, version) for name, version, _ in entries("requirements-dev.lock")}

    assert production <= development


def test_the_lock_files_are_installed_with_their_hashes() -> None:
    makefile = (ROOT / "Makefile").read_text()
    dockerfile = (ROOT / "Dockerfile").read_text()

    installs = [line for line in makefile.splitlines() if "requirements" in line and "$(INSTALL)" in line]
    assert re.search(r"^INSTALL :=.* --require-hashes ", makefile, re.MULTILINE)
    assert len(installs) == len(LOCKS)
    assert "pip install --require-hashes -r requirements.lock" in dockerfile


def test_every_requirement_states_its_reason() -> None:
    lines = [line for name in ROOT.glob("requirements*.txt") for line in name.read_text().splitlines()]

    assert not [line for line in lines if PIN.match(line) and not re.search(r"\s#\s*\S", line)]


def test_the_project_supports_one_python_as_the_lock_files_do() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["requires-python"] == ">=3.11,<3.12"
    assert "--python-version 3.11" in (ROOT / "Makefile").read_text()


def pins(lock: str) -> dict[str, str]:
    """Return the pinned requirements that a lock file resolves, with normalized names."""
    text = "\n".join((ROOT / name).read_text() for name in LOCKS[lock])
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in PIN.findall(text)}


def entries(lock: str) -> list[tuple[str, str, str]]:
    """Return name, version, and hashes with origins of each package in a lock file."""
    return ENTRY.findall((ROOT / lock).read_text())
