"""Settings and system checks, tested in a new process with its own environment."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from webapp.secret_key import stored_key
from webapp.settings import DATABASES

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).resolve().parents[2]


def manage(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py with its own home."""
    own = {"READROOM_HOME": str(home), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | own | environment,
        capture_output=True,
        text=True,
    )


def test_a_missing_key_is_created_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secret_key"

    key = stored_key(path)

    assert len(key) >= 50
    assert stored_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret_key"]


@pytest.mark.parametrize("content", ["", "\n", "x" * 31])
def test_an_empty_or_truncated_key_is_refused_with_what_to_do(content: str, tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text(content)

    started = manage(tmp_path, "check")

    assert started.returncode != 0
    assert "Restore it from a backup" in started.stderr
    assert (tmp_path / "secret_key").read_text() == content


def test_a_key_that_others_could_read_is_theirs_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    path.write_text("k" * 86)
    path.chmod(0o644)

    assert stored_key(path) == "k" * 86
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_home_of_an_earlier_release_is_restricted_to_its_owner(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    (home / "media" / "radiographs").mkdir(parents=True)
    (home / "media" / "radiographs" / "a.png").touch()
    outside.touch()
    (home / "link").symlink_to(outside)
    for path in (home, *home.rglob("*"), outside):
        path.chmod(0o755)

    assert manage(home, "check").returncode == 0

    assert not [
        path for path in (home, *home.rglob("*")) if path.lstat().st_mode & 0o077 and path.name != "link"
    ]
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755


def test_processes_that_start_together_use_the_same_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from webapp.secret_key import stored_key; "
        "print(stored_key(Path(sys.argv[1])))"
    )
    start = [sys.executable, "-c", code, str(tmp_path / "secret_key")]

    processes = [subprocess.Popen(start, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]

    keys = {process.communicate()[0].strip() for process in processes}
    assert keys == {stored_key(tmp_path / "secret_key")}


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        (
            {"DATABASE_URL": "postgres://a@127.0.0.1:1/b", "BROKER_URL": "redis://127.0.0.1:1/0"},
            "readroom.E001",
        ),
        ({"BROKER_URL": "amqp://guest@127.0.0.1//"}, "readroom.E002"),
        ({"DATABASE_URL": "postgres://a@127.0.0.1:1/b", "SECRET_KEY": "x" * 60}, "readroom.E003"),
    ],
)
def test_an_unsafe_combination_is_an_error_of_the_checks(
    tmp_path: Path, environment: dict[str, str], code: str
) -> None:
    checked = manage(tmp_path, "check", "--tag", "readroom", **environment)

    assert checked.returncode == 1
    assert code in checked.stderr


def test_the_web_process_does_not_start_with_an_unsafe_combination(tmp_path: Path) -> None:
    environment = {"DATABASE_URL": "postgres://a@127.0.0.1:1/b", "BROKER_URL": "redis://127.0.0.1:1/0"}

    imported = manage(tmp_path, "shell", "--verbosity=0", "-c", "import webapp.wsgi", **environment)

    assert "SECRET_KEY is not set" in imported.stderr


@pytest.mark.parametrize("command", [("worker", "--concurrency=1", "--queues=inference"), ("beat",)])
def test_a_worker_and_the_scheduler_do_not_start_with_an_unsafe_combination(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    unsafe = {"DATABASE_URL": "postgres://a@127.0.0.1:1/b", "BROKER_URL": "redis://127.0.0.1:1/0"}
    environment = {"PATH": os.environ["PATH"], "READROOM_HOME": str(tmp_path)} | unsafe

    started = subprocess.run(
        [sys.executable, "-m", "celery", "--app=webapp.celery", "--quiet", *command],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert started.returncode == 1
    assert "SECRET_KEY is not set" in started.stderr


def test_a_worker_loads_no_pages_and_no_library_that_only_other_processes_need(tmp_path: Path) -> None:
    code = (
        "import sys; from webapp.celery import app; app.loader.import_default_modules(); "
        "from diagnostics.cases import pipeline; "
        "print(sorted({'pydicom', 'gdcm', 'webapp.urls', 'scipy.stats', 'reportlab'} & set(sys.modules)))"
    )
    environment = {"PATH": os.environ["PATH"], "READROOM_HOME": str(tmp_path)}
    environment["DJANGO_SETTINGS_MODULE"] = "webapp.settings"

    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert loaded.stdout.strip() == "[]"


def test_sqlite_with_redis_is_a_warning(tmp_path: Path) -> None:
    checked = manage(tmp_path, "check", "--tag", "readroom", BROKER_URL="redis://127.0.0.1:1/0")

    assert checked.returncode == 0
    assert "readroom.W001" in checked.stderr


def test_djangos_deployment_checks_pass_with_https(tmp_path: Path) -> None:
    checked = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", HTTPS="1")

    assert checked.returncode == 0, checked.stderr


@pytest.mark.skipif(connection.vendor != "sqlite", reason="applies to SQLite only")
def test_sqlite_waits_for_other_writers_and_survives_a_power_failure(tmp_path: Path) -> None:
    options = DATABASES["default"]["OPTIONS"]  # of the product: the tests' own database is not synced
    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] == 20
    opened = sqlite3.connect(tmp_path / "db.sqlite3", isolation_level=None)
    opened.executescript(options["init_command"])
    pragmas = {
        name: opened.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    opened.close()

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_passwords_are_long_and_hashed_by_argon2(tmp_path: Path) -> None:
    rules: Any = settings.AUTH_PASSWORD_VALIDATORS
    code = "from django.contrib.auth.hashers import make_password; print(make_password('some words'))"

    assert manage(tmp_path, "shell", "--verbosity=0", "-c", code).stdout.startswith("argon2$argon2id$")
    assert {"min_length": 12} in [rule.get("OPTIONS") for rule in rules]


def test_models_and_migrations_agree(tmp_path: Path) -> None:
    result = manage(tmp_path, "makemigrations", "--check", "--dry-run")

    assert result.returncode == 0, result.stdout
