"""Fixtures that run Readroom: two shared stacks, a factory for separate stacks, and a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import CHROMIUM_ARGUMENTS, chromium_path
from tests.session_cache import build_once
from tests.stack import ALL_PROCESSES, Stack, readroom_stack
from tests.template_home import NO_BUNDLE, ROOT, Broker, template_home
from webapp.processes import INFERENCE, SCHEDULER, WEB

StartStack = Callable[..., AbstractContextManager[Stack]]
SHARED_PROCESSES = (WEB, INFERENCE, SCHEDULER)  # nothing on a shared stack trains
SHARED_STACKS = ("embedded_stack", "production_stack")


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that every pytest-xdist worker of this session sees."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = shared / "session-cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def small_bundle(session_cache: Path) -> Path:
    """Return an untrained bundle that predicts in milliseconds; built in a child process."""

    def build(folder: Path) -> None:
        code = (
            "import sys; from pathlib import Path; from tests.small_bundle import make_bundle; "
            "make_bundle(Path(sys.argv[1]))"
        )
        subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True, capture_output=True)

    return build_once(session_cache, "small-bundle", build)


@pytest.fixture(scope="session")
def start_stack(small_bundle: Path, session_cache: Path) -> StartStack:
    """Return a context manager that runs a separate stack with only the processes the test needs."""

    def start(
        broker: Broker = "embedded",
        *,
        bundle: Path | None = small_bundle,
        processes: Sequence[str] = ALL_PROCESSES,
    ) -> AbstractContextManager[Stack]:
        return readroom_stack(broker, bundle=bundle, processes=processes, templates=session_cache)

    return start


@pytest.fixture(scope="session")
def embedded_stack(start_stack: StartStack) -> Iterator[Stack]:
    """Run the one-machine installation once for all tests that share it."""
    with start_stack("embedded", processes=SHARED_PROCESSES) as stack:
        yield stack


@pytest.fixture(scope="session")
def production_stack(start_stack: StartStack) -> Iterator[Stack]:
    """Run Readroom on PostgreSQL and Redis once for all tests that share it."""
    with start_stack("production", processes=SHARED_PROCESSES) as stack:
        yield stack


@pytest.fixture(params=SHARED_STACKS)
def stack(request: pytest.FixtureRequest) -> Stack:
    """Run a test on both kinds of installation."""
    running: Stack = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def prepared_home(session_cache: Path, tmp_path: Path) -> Path:
    """Return a migrated and staffed home without a model version, on which nothing runs yet."""
    home = tmp_path / "home"
    shutil.copytree(template_home(session_cache, "embedded", NO_BUNDLE) / "home", home)
    return home


@pytest.fixture
def browser() -> Iterator[Any]:
    """Run Chromium; its event loop belongs to this thread, so a test that uses it must not use the ORM."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()
