"""The command line against a running stack: results, exit codes, JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from readroom.__main__ import cli
from tests.radiographs import radiograph_png
from tests.stack import Stack
from tests.template_home import ROOT

pytestmark = pytest.mark.stack
SITE = "client"


@pytest.fixture
def readroom(embedded_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs a command as the technician of a site of this module."""
    monkeypatch.setenv("READROOM_URL", embedded_stack.base_url)
    monkeypatch.setenv("READROOM_TOKEN", embedded_stack.token(embedded_stack.site(SITE).technician))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(*words: str, code: int = 0, typed: str | None = None) -> str:
        done = CliRunner().invoke(cli, list(words), input=typed)
        assert done.exit_code == code, done.output
        return done.stdout

    return run


def files(folder: Path, first: int, number: int) -> list[str]:
    paths = [folder / f"{seed}.png" for seed in range(first, first + number)]
    for seed, path in enumerate(paths, first):
        path.write_bytes(radiograph_png(seed))
    return [str(path) for path in paths]


def as_json(text: str) -> Any:
    return json.loads(text)


def test_an_upload_waits_for_the_ai_results_and_a_bad_file_stops_no_other_one(readroom, tmp_path: Path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    good = files(tmp_path, 7100, 2)

    rows = as_json(
        readroom("--json", "upload", good[0], str(bad), good[1], "--patient-ref=C-1", "--wait", code=1)
    )

    assert [row["status"] for row in rows] == ["done", "refused", "done"]
    assert rows[1]["code"]
    cases = [row["case"] for row in rows if row["case"]]
    assert [row["case"] for row in as_json(readroom("--json", "status", *cases))] == cases
    assert [row["status"] for row in as_json(readroom("--json", "wait", *cases))] == ["done", "done"]
    listed = [row["id"] for row in as_json(readroom("--json", "worklist", "--status=all"))]
    assert set(cases) <= set(listed)
    assert "C-1" not in readroom("--json", "worklist", "--status=all")
    exported = [as_json(line)["id"] for line in readroom("export", "cases").splitlines()]
    assert set(cases) <= set(exported)


def test_what_the_role_does_not_include_ends_with_its_exit_code(readroom):
    readroom("train", code=4)
    readroom("export", "audit", code=4)
    readroom("import", "anything", code=4)
    readroom("promote", "v1", "--reason=Better on our own radiographs.", code=4)


def test_what_does_not_exist_is_refused_and_wrong_usage_is_told_apart(readroom):
    readroom("status", "00000000-0000-0000-0000-000000000009", code=3)
    readroom("status", code=2)
    readroom("export", "report", code=2)


def test_a_token_is_stored_after_the_server_has_accepted_it(
    readroom, embedded_stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    token = os.environ["READROOM_TOKEN"]
    monkeypatch.delenv("READROOM_TOKEN")
    readroom("whoami", code=4)

    readroom("login", typed="0000\n", code=4)
    readroom("whoami", code=4)
    readroom("login", typed=f"{token}\n")

    technician = embedded_stack.site(SITE).technician
    assert technician in readroom("whoami")
    readroom("logout")
    readroom("whoami", code=4)


def test_a_server_that_is_not_there_is_told_apart(readroom, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("READROOM_RETRIES", "0")
    monkeypatch.setenv("READROOM_URL", "http://127.0.0.1:9")  # nothing listens on the port of discard

    readroom("whoami", code=5)


def test_the_client_runs_without_django_and_prints_its_completion():
    code = "import sys; import readroom.__main__; print([m for m in sys.modules if m.startswith('django')])"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "clients" / "python"), "HOME": "/nonexistent"}
    run: dict[str, Any] = {"capture_output": True, "text": True, "env": environment, "check": True}

    loaded = subprocess.run([sys.executable, "-c", code], **run).stdout
    words = [sys.executable, "-m", "readroom", "completion", "bash"]
    completion = subprocess.run(words, **run).stdout

    assert loaded.strip() == "[]"
    assert "_READROOM_COMPLETE" in completion
