"""An installation of the first version works after an upgrade to this one."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import psycopg
import pytest

from tests.stack import Stack
from tests.template_home import NO_BUNDLE, ROOT, environment_of
from tests.upgrade import first_version


@pytest.mark.slow
def test_an_installation_on_sqlite_is_upgraded(tmp_path: Path) -> None:
    assert_works(upgraded(environment_of(tmp_path, bundle=NO_BUNDLE, servers={})))


@pytest.mark.stack
def test_an_installation_on_postgresql_is_upgraded(production_stack: Stack, tmp_path: Path) -> None:
    names = ("DATABASE_URL", "BROKER_URL", "SECRET_KEY")
    servers = {name: production_stack.environment[name] for name in names}
    with psycopg.connect(servers["DATABASE_URL"], autocommit=True) as server:
        server.execute("CREATE DATABASE upgraded")
    servers["DATABASE_URL"] = servers["DATABASE_URL"].removesuffix("/readroom") + "/upgraded"

    assert_works(upgraded(environment_of(tmp_path, bundle=NO_BUNDLE, servers=servers)))


def upgraded(environment: dict[str, str]) -> dict[str, Any]:
    """Restore the first version, upgrade it, and return what its pages then show."""
    command = [sys.executable, "-m", "tests.upgrade.upgrade"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, f"the upgrade failed:\n{done.stdout[-3000:]}{done.stderr[-5000:]}"
    shown: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return shown


def assert_works(shown: dict[str, Any]) -> None:
    rows = first_version.rows()
    assert {page: status for page, status in shown["pages"].items() if status != 200} == {}
    assert set(shown["cases"]) == {case["id"] for case in rows["cases.Case"]}
    for case in rows["cases.Case"]:
        page = shown["cases"][case["id"]]
        assert page["status"] == 200
        assert case["accession_number"] in page["text"]
        assert page["images"]["radiograph.png"] == sha256(radiograph_of(rows, case)["display"])
    for prediction in rows["cases.Prediction"]:
        images = shown["cases"][prediction["case_id"]]["images"]
        assert images["overlay.png"] == sha256(prediction["overlay_file"])
    assert "unilateral" in shown["cases"][rows["review.Reading"][0]["case_id"]]["text"]


def radiograph_of(rows: dict[str, list[dict[str, Any]]], case: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in rows["cases.Radiograph"] if one["case_id"] == case["id"])


def sha256(name: str) -> str:
    with ZipFile(first_version.ARCHIVE) as archive:
        return hashlib.sha256(archive.read(f"home/media/{name}")).hexdigest()
