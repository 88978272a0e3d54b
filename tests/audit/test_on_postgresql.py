"""The tests of triggers, chain, retention and concurrency on PostgreSQL, in a process with its settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import postgres_server

FOLDER = Path(__file__).resolve().parent
FILES = ("test_append_only.py", "test_hash_chain.py", "test_retention.py", "test_concurrent_sealing.py")
OTHERS = (  # triggers too
    FOLDER.parent / "training" / "test_one_part_per_patient.py",
    FOLDER.parent / "review" / "test_case_counts.py",
    FOLDER.parent / "review" / "test_case_locks.py",
    FOLDER.parent / "training" / "test_kept_figures.py",
    FOLDER.parent / "training" / "test_kept_figures_concurrently.py",
    FOLDER.parent / "review" / "test_list_plans.py",
)


@pytest.mark.stack
def test_the_audit_log_has_the_same_guarantees_on_postgresql() -> None:
    with postgres_server() as url:
        result = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                *(FOLDER / name for name in FILES),
                *OTHERS,
            ],
            env=os.environ | {"DATABASE_URL": url, "PYTEST_ADDOPTS": ""},
            cwd=FOLDER.parents[1],
            capture_output=True,
            text=True,
            timeout=300,
        )

    assert result.returncode == 0, result.stdout[-4000:]
    assert "skipped" not in result.stdout.splitlines()[-1]
