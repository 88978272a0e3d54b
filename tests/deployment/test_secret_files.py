"""Secrets from files: read without their final line break, and never from two places."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow  # starts a process

PRINT = (
    "from webapp import settings as s; "
    "print(s.SECRET_KEY, s.DATABASES['default']['PASSWORD'], s.METRICS_TOKEN, sep='|')"
)


def settings_with(home: Path, **variables: str) -> str:
    own = {"READROOM_HOME": str(home), "DATABASE_URL": "postgres://readroom:in-url@127.0.0.1:1/readroom"}
    own["BROKER_URL"] = "redis://127.0.0.1:1/0"
    done = subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=ROOT,
        env=os.environ | own | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_key_password_and_token_are_read_from_files(tmp_path: Path) -> None:
    variables = {}
    for name in ("SECRET_KEY", "DATABASE_PASSWORD", "METRICS_TOKEN"):
        file = tmp_path / name.lower()
        file.write_text(f"value-of-{name}\n")
        variables[f"{name}_FILE"] = str(file)

    expected = "value-of-SECRET_KEY|value-of-DATABASE_PASSWORD|value-of-METRICS_TOKEN"
    assert settings_with(tmp_path, **variables) == expected


def test_without_a_password_of_its_own_the_one_of_the_url_is_used(tmp_path: Path) -> None:
    assert settings_with(tmp_path, SECRET_KEY="k").split("|") == ["k", "in-url", ""]


def test_an_empty_secret_key_file_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    variables = {
        "READROOM_HOME": str(tmp_path),
        "DATABASE_URL": "postgres://readroom@127.0.0.1:1/readroom",
        "BROKER_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY_FILE": str(tmp_path / "empty"),
    }

    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--tag", "readroom"],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "webapp.settings"} | variables,
        capture_output=True,
        text=True,
    )

    assert checked.returncode == 1
    assert "SECRET_KEY is not set" in checked.stderr
